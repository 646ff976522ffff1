"""What each variable accepts, where values come from, and how secrets are chosen."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Any

import pytest

from echofs.core.errors import InvalidSetting
from echofs.settings import VARIABLES, Settings, load, own_of_worker, role_from

ROOT = Path(__file__).parents[2]
JWT = "j" * 32
CLUSTER = "c" * 32
SECRETS = {"JWT_SECRET": JWT, "CLUSTER_SECRET": CLUSTER}


def read(role: str = "master", /, *, env_file: Path | None = None, **environ: str) -> Settings:
    return load({**SECRETS, **environ}, role=role, env_file=env_file)


def refusal(role: str = "master", /, **environ: Any) -> InvalidSetting:
    with pytest.raises(InvalidSetting) as caught:
        read(role, **environ)
    assert "\n" not in caught.value.message
    return caught.value


def test_the_defaults_are_those_of_the_documentation() -> None:
    settings = read()
    assert settings.data_dir == Path(".echofs").absolute()
    assert settings.database_url == f"sqlite:///{settings.data_dir}/catalog.db"
    assert (settings.master_host, settings.master_port) == ("0.0.0.0", 8080)
    assert settings.controller_url == "http://127.0.0.1:8082"
    assert (settings.replication_factor, settings.chunk_size, settings.upload_memory) == (3, 1 << 20, 64 << 20)
    assert settings.spool_size == 1 << 30
    assert (settings.follower_files, settings.offline_rights_seconds) == (100_000, 300)
    assert settings.consistency_floor == "available"
    assert settings.replace_after == 30
    assert (settings.jwt_expiration_hours, settings.jwt_refresh_days, settings.login_rate) == (1, 30, "10/minute")
    assert (settings.log_level, settings.log_format, settings.redis_addr) == ("info", "text", None)


def test_the_embedded_cluster_listens_on_this_machine_only() -> None:
    assert read("all").master_host == "127.0.0.1"
    assert read("all", MASTER_HOST="0.0.0.0").master_host == "0.0.0.0"


def test_a_worker_derives_its_zone_store_and_address_from_its_name_and_port() -> None:
    settings = read("worker", WORKER_ID="worker7", WORKER_PORT="9001", ECHOFS_DATA_DIR="/data")
    assert settings.worker_zone == "worker7"
    assert settings.chunk_store == "disk:/data/worker7"
    assert settings.worker_url == "http://127.0.0.1:9001"
    assert settings.process_name == "worker7"
    assert settings.listen == ("127.0.0.1", 9001)


def test_a_worker_without_a_name_is_refused() -> None:
    assert refusal("worker").field == "WORKER_ID"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "[::]"])
def test_a_worker_on_all_addresses_must_say_which_one_masters_call(host: str) -> None:
    assert refusal("worker", WORKER_ID="w", WORKER_HOST=host).field == "WORKER_URL"
    assert read("worker", WORKER_ID="w", WORKER_HOST=host, WORKER_URL="http://w:1").worker_url == "http://w:1"


def test_an_ipv6_address_is_bracketed_in_addresses_made_from_it() -> None:
    assert read("worker", WORKER_ID="w", WORKER_HOST="::1").worker_url == "http://[::1]:8091"


@pytest.mark.parametrize(
    ("text", "size"),
    [("1MB", 1 << 20), ("1 mib", 1 << 20), ("64KB", 65536), ("65536", 65536), ("16M", 16 << 20), ("100000", 100000)],
)
def test_sizes_count_in_powers_of_1024(text: str, size: int) -> None:
    assert read(CHUNK_SIZE=text).chunk_size == size


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHUNK_SIZE", "63KB"),
        ("CHUNK_SIZE", "17MB"),
        ("CHUNK_SIZE", "1.5MB"),
        ("CHUNK_SIZE", "many"),
        ("REPLICATION_FACTOR", "1"),
        ("REPLICATION_FACTOR", "17"),
        ("REPLICATION_FACTOR", "three"),
        ("MASTER_PORT", "0"),
        ("MASTER_PORT", "65536"),
        ("MASTER_PORT", "9" * 5000),
        ("MASTER_PORT", "٨٠"),
        ("MASTER_HOST", "http://localhost"),
        ("JWT_EXPIRATION_HOURS", "0"),
        ("JWT_EXPIRATION_HOURS", "nan"),
        ("JWT_EXPIRATION_HOURS", "inf"),
        ("WORKER_TIMEOUT", "-1"),
        ("WORKER_WEIGHT", "heavy"),
        ("WORKER_ID", "../worker"),
        ("WORKER_ID", "controller"),
        ("WORKER_URL", "https://worker"),
        ("WORKER_URL", "http://worker/path"),
        ("WORKER_URL", "http://worker:notaport"),
        ("ECHOFS_CONTROLLER_URL", "127.0.0.1:8082"),
        ("CHUNK_STORE", "/var/lib/echofs"),
        ("CHUNK_STORE", "disk:"),
        ("S3_ENDPOINT_URL", "s3.example.org"),
        ("S3_ENDPOINT_URL", "file:///etc"),
        ("S3_ENDPOINT_URL", "http://user:password@s3.example.org"),
        ("S3_ENDPOINT_URL", "http://s3.example.org/?x"),
        ("S3_ENDPOINT_URL", "http://169.254.169.254/latest"),
        ("S3_ENDPOINT_URL", "http://s3.example.org:port"),
        ("S3_CHECKSUMS", "never"),
        ("LOGIN_RATE", "often"),
        ("LOGIN_RATE", "0/minute"),
        ("DEFAULT_QUOTA", "much"),
        ("DEFAULT_QUOTA", "-1"),
        ("AUDIT_DAYS", "0.5"),
        ("AUDIT_DAYS", "-1"),
        ("TRASH_DAYS", "-1"),
        ("VERSIONS_KEPT", "0"),
        ("VERSIONS_DAYS", "many"),
        ("REDIS_ADDR", "redis"),
        ("REDIS_ADDR", "redis:port"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("TRUSTED_PROXIES", "-1"),
        ("MAX_UPLOAD_SIZE", "-5"),
        ("UPLOAD_MEMORY", "2MB"),
        ("UPLOAD_EXPIRES_HOURS", "0"),
        ("UPLOAD_EXPIRES_HOURS", "never"),
        ("SPOOL_SIZE", "0"),
        ("SPOOL_SIZE", "plenty"),
        ("FOLLOWER_FILES", "-1"),
        ("OFFLINE_RIGHTS_SECONDS", "86401"),
        ("CONSISTENCY_FLOOR", "weak"),
        ("REPLACE_AFTER", "0"),
        ("REPLACE_AFTER", "soon"),
        ("CONSISTENCY_POLICY", "guess"),
        ("LATENCY_GOAL_MS", "0"),
    ],
)
def test_a_wrong_value_is_one_line_naming_the_variable(name: str, value: str) -> None:
    error = refusal(**{name: value})
    assert error.field == name
    assert name in error.message
    assert len(error.message) < 250


def test_an_unknown_role_is_refused() -> None:
    assert refusal("boss").field == "ECHOFS_ROLE"


def test_line_breaks_and_escapes_in_a_value_do_not_reach_the_message() -> None:
    assert "\x1b" not in refusal(LOG_LEVEL="in\nfo\x1b[31m").message


def test_a_database_password_is_never_repeated() -> None:
    assert "hunter2" not in refusal(DATABASE_URL="mysql://me:hunter2@db/echofs").message


def test_empty_means_unset() -> None:
    settings = read(MASTER_PORT="", REDIS_ADDR=" ", ECHOFS_CONTROLLER_URL="", CONTROLLER_PORT="9000")
    assert settings.master_port == 8080
    assert settings.redis_addr is None
    assert settings.controller_url == "http://127.0.0.1:9000"


@pytest.mark.parametrize("store", ["s3:", "s3:///prefix", "s3://bucket/prefix", "memory:", "disk:a b"])
def test_a_chunk_store_is_a_kind_and_where_it_needs_one_a_place(store: str) -> None:
    assert read(CHUNK_STORE=store).chunk_store == store


def test_the_catalog_is_in_sql_unless_dynamodb_is_chosen_and_its_tables_are_named() -> None:
    tables = {"DYNAMODB_FILES_TABLE": "f-1", "DYNAMODB_CHUNKS_TABLE": "c-1", "DYNAMODB_SESSIONS_TABLE": "s-1"}
    assert read().catalog == "sql"
    assert read(CATALOG="DynamoDB", **tables).dynamodb_sessions_table == "s-1"
    assert refusal(CATALOG="mongodb").field == "CATALOG"
    for name in tables:
        assert refusal(CATALOG="dynamodb", **{**tables, name: ""}).field == name
    assert "twice" in refusal(CATALOG="dynamodb", **{**tables, "DYNAMODB_CHUNKS_TABLE": "f-1"}).message


def test_endpoints_other_than_aws_are_not_sent_checksums_they_may_not_know() -> None:
    assert read().s3_checksums == "when_supported"
    assert read(S3_ENDPOINT_URL="https://s3.example.org/path/").s3_endpoint_url == "https://s3.example.org/path"
    assert read(S3_ENDPOINT_URL="http://127.0.0.1:9000").s3_checksums == "when_required"
    assert read(S3_ENDPOINT_URL="http://[::1]:9000", S3_CHECKSUMS="when_supported").s3_checksums == "when_supported"


def test_new_users_have_no_quota_and_the_audit_log_is_kept_for_a_year_unless_told_otherwise() -> None:
    assert (read().default_quota, read().audit_days) == (0, 365)
    told = read(DEFAULT_QUOTA="10GB", AUDIT_DAYS="0")
    assert (told.default_quota, told.audit_days) == (10 << 30, 0)


def test_what_is_deleted_or_replaced_is_kept_for_a_while_unless_told_otherwise() -> None:
    assert (read().trash_days, read().versions_kept, read().versions_days) == (30, 100, 90)
    told = read(TRASH_DAYS="0", VERSIONS_KEPT="1", VERSIONS_DAYS="0")
    assert (told.trash_days, told.versions_kept, told.versions_days) == (0, 1, 0)


def test_login_limits_can_be_switched_off() -> None:
    assert read(LOGIN_RATE="off").login_rate == ""


def test_repr_shows_no_secret() -> None:
    shown = repr(read(DATABASE_URL="postgres://me:hunter2@db/echofs"))
    assert JWT not in shown
    assert CLUSTER not in shown
    assert "hunter2" not in shown


def test_a_number_behind_a_variable_makes_it_one_workers_own(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("CHUNK_STORE_2=s3://bucket\nCHUNK_STORE_22=disk:/x\nWORKER_ID_2=no\n")
    environ = {"AWS_REGION_2": "eu-central-1", "CHUNK_STORE": "disk:/y", "AWS_REGION_1": ""}
    assert own_of_worker(2, environ, env_file=env_file) == {"CHUNK_STORE": "s3://bucket", "AWS_REGION": "eu-central-1"}
    assert own_of_worker(1, environ, env_file=env_file) == {}


class TestEnvFile:
    def test_its_values_stand_in_for_unset_variables(self, tmp_path: Path) -> None:
        env_file = tmp_path / ".env"
        env_file.write_text("# comment\nMASTER_PORT=9100\nWORKER_ZONE='west'\nexport LOG_FORMAT=json\n")
        settings = read(env_file=env_file)
        assert (settings.master_port, settings.worker_zone, settings.log_format) == (9100, "west", "json")

    def test_the_real_environment_wins_unless_it_is_empty(self, tmp_path: Path) -> None:
        env_file = tmp_path / ".env"
        env_file.write_text("MASTER_PORT=9100\nCONTROLLER_PORT=9200\n")
        settings = read(env_file=env_file, MASTER_PORT="9101", CONTROLLER_PORT="")
        assert (settings.master_port, settings.controller_port) == (9101, 9200)

    def test_it_may_be_missing(self, tmp_path: Path) -> None:
        assert read(env_file=tmp_path / ".env").master_port == 8080

    def test_one_that_is_no_text_is_refused(self, tmp_path: Path) -> None:
        env_file = tmp_path / ".env"
        env_file.write_bytes(b"MASTER_PORT=\xff\xfe\n")
        with pytest.raises(InvalidSetting, match=re.escape(str(env_file))):
            read(env_file=env_file)

    def test_it_may_name_the_role(self, tmp_path: Path) -> None:
        env_file = tmp_path / ".env"
        env_file.write_text("ECHOFS_ROLE=worker\n")
        assert role_from({}, env_file=env_file) == "worker"
        assert role_from({"ECHOFS_ROLE": "master"}, env_file=env_file) == "master"
        assert role_from({}, env_file=None) == ""


class TestSecrets:
    @staticmethod
    def load(role: str, folder: Path, **environ: str) -> Settings:
        return load({"ECHOFS_DATA_DIR": str(folder), "WORKER_ID": "w", **environ}, role=role, env_file=None)

    def refused(self, role: str, folder: Path, **environ: str) -> InvalidSetting:
        with pytest.raises(InvalidSetting) as caught:
            self.load(role, folder, **environ)
        for value in environ.values():
            assert value not in caught.value.message
        return caught.value

    def test_the_embedded_cluster_makes_its_own_and_keeps_them(self, tmp_path: Path) -> None:
        folder = tmp_path / "data"
        first, second = self.load("all", folder), self.load("all", folder)
        assert len(first.jwt_secret) == 64
        assert first.jwt_secret != first.cluster_secret
        assert (first.jwt_secret, first.cluster_secret) == (second.jwt_secret, second.cluster_secret)
        assert stat.S_IMODE((folder / "secrets.env").stat().st_mode) == 0o600
        assert [path.name for path in folder.iterdir()] == ["secrets.env"]

    def test_when_two_starts_race_both_use_the_file_that_was_there_first(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        winner = self.load("all", tmp_path)
        monkeypatch.setattr(Path, "exists", lambda path, **_: False)
        assert self.load("all", tmp_path).jwt_secret == winner.jwt_secret
        assert len(list(tmp_path.iterdir())) == 1

    def test_other_roles_read_that_file(self, tmp_path: Path) -> None:
        made = self.load("all", tmp_path)
        assert self.load("master", tmp_path).jwt_secret == made.jwt_secret
        assert self.load("worker", tmp_path).cluster_secret == made.cluster_secret

    @pytest.mark.parametrize("role", ["master", "worker", "controller", "jobs"])
    def test_other_roles_never_make_one(self, role: str, tmp_path: Path) -> None:
        error = self.refused(role, tmp_path)
        assert "token_hex" in error.message
        assert list(tmp_path.iterdir()) == []

    def test_the_environment_wins_over_the_file(self, tmp_path: Path) -> None:
        made = self.load("all", tmp_path)
        settings = self.load("master", tmp_path, JWT_SECRET=JWT)
        assert (settings.jwt_secret, settings.cluster_secret) == (JWT, made.cluster_secret)

    @pytest.mark.parametrize("role", ["worker", "controller", "jobs"])
    def test_only_masters_hold_the_key_to_users_tokens(self, role: str, tmp_path: Path) -> None:
        assert self.load(role, tmp_path, JWT_SECRET=JWT, CLUSTER_SECRET=CLUSTER).jwt_secret == ""

    def test_commands_need_none(self, tmp_path: Path) -> None:
        settings = self.load("command", tmp_path)
        assert (settings.jwt_secret, settings.cluster_secret) == ("", "")

    def test_a_short_one_is_refused(self, tmp_path: Path) -> None:
        assert self.refused("master", tmp_path, JWT_SECRET="j" * 31, CLUSTER_SECRET=CLUSTER).field == "JWT_SECRET"

    def test_equal_ones_are_refused(self, tmp_path: Path) -> None:
        assert self.refused("all", tmp_path, JWT_SECRET=JWT, CLUSTER_SECRET=JWT).field == "CLUSTER_SECRET"

    @pytest.mark.parametrize("name", ["JWT_SECRET", "CLUSTER_SECRET"])
    def test_the_samples_of_the_example_file_are_refused(self, name: str, tmp_path: Path) -> None:
        samples = dict(assignments(ROOT / ".env.example"))
        assert self.refused("master", tmp_path, **{**SECRETS, name: samples[name]}).field == name

    def test_a_file_others_can_read_is_refused(self, tmp_path: Path) -> None:
        self.load("all", tmp_path)
        (tmp_path / "secrets.env").chmod(0o640)
        assert "chmod 600" in self.refused("all", tmp_path).message

    def test_a_data_folder_that_cannot_be_made_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        error = self.refused("all", tmp_path / "file")
        assert error.field == "ECHOFS_DATA_DIR"


def assignments(path: Path) -> list[tuple[str, Any]]:
    """The settings of an example file, commented out or not."""
    return re.findall(r"^#?([A-Z][A-Z0-9_]+)=(.*)$", path.read_text(), flags=re.MULTILINE)


def test_the_example_file_lists_every_variable_once_and_no_other() -> None:
    names = [name for name, _ in assignments(ROOT / ".env.example")]
    assert sorted(names) == sorted(VARIABLES)


def test_the_example_file_as_it_is_changes_nothing(tmp_path: Path) -> None:
    assert read(env_file=ROOT / ".env.example") == read()


def test_every_value_of_the_example_file_is_allowed() -> None:
    samples: dict[str, Any] = {
        name: value for name, value in assignments(ROOT / ".env.example") if not name.endswith("_SECRET")
    }
    settings = read("worker", **samples)
    assert settings.worker_id == "worker1"


def test_the_production_example_sets_only_known_variables() -> None:
    names = [name for name, _ in assignments(ROOT / "config" / "production.env.example")]
    assert set(names) <= set(VARIABLES)


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("127.0.0.1:6379", "redis://127.0.0.1:6379"),
        ("[::1]:6379", "redis://[::1]:6379"),
        ("redis://:secret@cache.example:6379/2", "redis://:secret@cache.example:6379/2"),
        ("rediss://echofs:p%40ss@cache.example:6380", "rediss://echofs:p%40ss@cache.example:6380"),
    ],
)
def test_redis_may_have_a_password_and_tls(given: str, url: str) -> None:
    settings = read(REDIS_ADDR=given)
    assert settings.redis_addr == url
    assert "cache.example" not in repr(settings)


@pytest.mark.parametrize(
    "wrong",
    [
        "http://:secret@cache:6379",
        "redis://:secret@cache",
        "redis://:secret@:6379",
        "redis://:secret@cache:6379/two",
        "redis://:secret@cache:6379/0?db=1",
        "redis://:secret@cache:port/0",
    ],
)
def test_a_wrong_address_of_redis_is_refused_without_its_password(wrong: str) -> None:
    with pytest.raises(InvalidSetting, match="REDIS_ADDR") as refused:
        read(REDIS_ADDR=wrong)
    assert "secret" not in str(refused.value)
    assert "127.0.0.1:6379" in str(refused.value)
