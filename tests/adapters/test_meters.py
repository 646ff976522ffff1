"""Counters as Prometheus reads them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from echofs.adapters.meters import COUNTERS, ENDPOINT, PrometheusMeters, install_metrics
from echofs.core.errors import CatalogUnavailable
from echofs.web.errors import install_errors
from tests.fakes.meters import NAMES


@pytest.fixture(autouse=True)
def single_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)


@pytest.fixture
def meters() -> PrometheusMeters:
    return PrometheusMeters()


@pytest.fixture
def app(meters: PrometheusMeters) -> Flask:
    app = Flask("metered", static_folder=None)
    install_errors(app)
    install_metrics(app, meters)
    app.add_url_rule("/files/<name>", "files.one", lambda name: name)
    return app


def scrape(app: Flask) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Sample name to labels to value."""
    response = app.test_client().get("/metrics")
    assert response.status_code == 200
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def test_every_counter_appears_under_its_full_name_and_adds_up(app: Flask, meters: PrometheusMeters) -> None:
    for name, (_, labels) in COUNTERS.items():
        values = dict.fromkeys(labels, "x")
        meters.add(name, 1, **values)
        meters.add(name, 2.5, **values)
    shown = scrape(app)
    for name, (_, labels) in COUNTERS.items():
        assert shown[f"echofs_{name}_total"] == {tuple(sorted(dict.fromkeys(labels, "x").items())): 3.5}


def test_labels_are_counted_apart(app: Flask, meters: PrometheusMeters) -> None:
    meters.add("replica_failures", worker="w1", reason="full")
    meters.add("replica_failures", worker="w1", reason="unreachable")
    meters.add("replica_failures", reason="full", worker="w1")
    assert scrape(app)["echofs_replica_failures_total"] == {
        (("reason", "full"), ("worker", "w1")): 2,
        (("reason", "unreachable"), ("worker", "w1")): 1,
    }


def test_counters_without_labels_are_there_from_the_start(app: Flask) -> None:
    assert scrape(app)["echofs_bytes_received_total"] == {(): 0}


def test_an_unknown_counter_is_a_programming_error(meters: PrometheusMeters) -> None:
    with pytest.raises(KeyError):
        meters.add("bytes_recieved")


@pytest.mark.parametrize("labels", [{}, {"worker": "w1"}, {"worker": "w1", "reason": "full", "zone": "a"}])
def test_labels_must_be_those_of_the_counter(meters: PrometheusMeters, labels: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="label"):
        meters.add("replica_failures", 1, **labels)


def test_the_fake_for_other_tests_knows_the_same_counters() -> None:
    assert COUNTERS.keys() == NAMES


def test_several_applications_in_one_process_count_apart(app: Flask, meters: PrometheusMeters) -> None:
    other_meters, other = PrometheusMeters(), Flask("other", static_folder=None)
    install_metrics(other, other_meters)
    meters.add("bytes_sent", 5)
    assert scrape(app)["echofs_bytes_sent_total"] == {(): 5}
    assert scrape(other)["echofs_bytes_sent_total"] == {(): 0}


def test_requests_are_grouped_by_endpoint_and_never_by_path(app: Flask) -> None:
    client = app.test_client()
    for name in ("one", "two", "three"):
        client.get(f"/files/{name}")
    client.get("/nowhere/one")
    client.get("/nowhere/two")
    counts = scrape(app)["flask_http_request_duration_seconds_count"]
    assert counts == {
        (("endpoint", "files.one"), ("method", "GET"), ("status", "200")): 3,
        (("endpoint", "None"), ("method", "GET"), ("status", "404")): 2,
    }


def test_methods_that_clients_invent_make_no_series(app: Flask) -> None:
    client = app.test_client()
    for number in range(20):
        assert client.open("/files/one", method=f"GET{number}").status_code == 405
        assert client.open("/nowhere", method=f"GET{number}").status_code == 404
    client.post("/files/one")
    methods = {dict(labels)["method"] for labels in scrape(app)["flask_http_request_total"]}
    assert methods == {"POST"}


def test_the_route_has_the_name_the_table_of_access_knows(app: Flask) -> None:
    assert ENDPOINT in {rule.endpoint for rule in app.url_map.iter_rules() if rule.rule == "/metrics"}


def test_the_outbox_is_counted_at_each_scrape_and_unknown_without_the_catalog(meters: PrometheusMeters) -> None:
    depths: list[int | None] = [3, 0, None, 4]

    def depth() -> int:
        value = depths.pop(0)
        if value is None:
            raise CatalogUnavailable("The catalog does not answer.")
        return value

    app = Flask("master", static_folder=None)
    install_metrics(app, meters, gauges={"outbox_depth": depth})
    assert ENDPOINT in app.view_functions
    seen = [scrape(app)["echofs_outbox_depth"][()] for _ in range(4)]
    assert (seen[0], seen[1], seen[3]) == (3, 0, 4)
    assert seen[2] != seen[2]


def test_roles_without_an_outbox_claim_nothing_about_it(app: Flask) -> None:
    assert "echofs_outbox_depth" not in scrape(app)


PROCESS = """
import sys
from flask import Flask
from echofs.adapters.meters import PrometheusMeters, install_metrics
meters, app = PrometheusMeters(), Flask("master", static_folder=None)
install_metrics(app, meters, gauges={"outbox_depth": lambda: int(sys.argv[1])})
meters.add("bytes_received", 10)
meters.add("chunks_stored", 2, worker="w1")
print(app.test_client().get("/metrics").text)
"""


def test_processes_of_one_role_are_added_up(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for number in (1, 2, 3):
        command = [sys.executable, "-c", PROCESS, str(7 - number)]
        shown = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=60).stdout
        assert f"echofs_bytes_received_total {10.0 * number}" in shown
        assert f'echofs_chunks_stored_total{{worker="w1"}} {2.0 * number}' in shown
        assert f"echofs_outbox_depth {7.0 - number}" in shown
