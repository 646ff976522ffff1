def summary(figures):
    out = []
    for f in figures:
        out.append(f"== {f.run.name}: utility {f.utility} switches {f.switches} acked {f.acknowledged} lost {f.lost} conv n={len(f.convergence.seconds)} mean={f.convergence.mean} max={f.convergence.worst} missing={f.convergence.missing} stale {dict(f.staleness.stale)} unl {f.staleness.unlabelled} readback {f.run.found.get('versions_read_back')} deleted {f.deleted} conflicts {dict(f.conflicts)}")
        for name, group in (("writes", f.writes), ("reads", f.reads)):
            for level, t in group.items():
                out.append(f"   {name} {level}: {t.offered} avail {t.availability} p50 {t.milliseconds(.5)} p95 {t.milliseconds(.95)} p99 {t.milliseconds(.99)} refusals max {max(t.refusals, default=None)}")
        for v in f.verdicts:
            out.append(f"   {v.promise}: {v.checked} viol {len(v.violations)} und {len(v.undecided)} {[x.message for x in v.violations[:3]]}")
    return "\n".join(out)
def write_report(figures, folder): ...
