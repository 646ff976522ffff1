"""What gunicorn imports: the role's application, or one line saying why there is none."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
from gunicorn.errors import AppImportError
from gunicorn.util import import_app

from echofs.core.errors import InvalidSetting


@pytest.fixture
def bootstrap(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A bootstrap whose applications only answer with their role."""
    module: Any = ModuleType("echofs.bootstrap")
    module.create_app = lambda role: lambda *_: role
    monkeypatch.setitem(sys.modules, "echofs.bootstrap", module)
    monkeypatch.setenv("ECHOFS_ROLE", "")
    return module


@pytest.mark.usefixtures("bootstrap")
class TestByHand:
    def test_the_role_is_an_argument(self) -> None:
        assert import_app("wsgi:app_for('worker')")() == "worker"

    def test_or_it_comes_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ECHOFS_ROLE", "controller")
        assert import_app("wsgi:app")() == "controller"

    def test_without_a_role_there_is_no_application(self) -> None:
        with pytest.raises(AppImportError, match="ECHOFS_ROLE is not set"):
            import_app("wsgi:app")

    def test_importing_the_module_needs_no_role(self) -> None:
        import wsgi

        with pytest.raises(AttributeError, match="application"):
            wsgi.application  # noqa: B018


def test_an_expected_failure_is_printed_by_gunicorn_as_one_line(bootstrap: Any) -> None:
    def fail(_: str) -> None:
        raise InvalidSetting("DATABASE_URL is wrong.", field="DATABASE_URL")

    bootstrap.create_app = fail
    with pytest.raises(AppImportError, match=r"^DATABASE_URL is wrong\.$"):
        import_app("echofs.cli.application:app_for('master')")
