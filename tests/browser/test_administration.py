"""What administrators do with the page."""

from __future__ import annotations

from itertools import count

import pytest
from click.testing import CliRunner
from playwright.sync_api import Locator, Page, expect

from echofs.cli.main import echofs
from tests.browser.visitor import PASSWORD, Visitor
from tests.cluster.cluster import Cluster

_numbers = count(1)


def sign_in(page: Page, name: str, password: str) -> None:
    page.goto("/login")
    page.get_by_label("User name or e-mail address").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("navigation", name="Parts of the page")).to_be_visible()


@pytest.fixture
def steward(page: Page, cluster: Cluster) -> Visitor:
    """An administrator, made by the operator of the host, in the part of the page that is for them."""
    name = f"steward{next(_numbers)}"
    environ = {"ECHOFS_DATA_DIR": str(cluster.data_dir), "DATABASE_URL": "", "ECHOFS_ADMIN_PASSWORD": PASSWORD}
    made = ["admin", "create", "--username", name, "--email", f"{name}@example.org"]
    assert CliRunner(env=environ).invoke(echofs, made).exit_code == 0
    sign_in(page, name, PASSWORD)
    page.get_by_role("link", name="Admin", exact=True).click()
    return Visitor(page, name)


def section(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Administration").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_text(name, exact=True))


def act(page: Page, name: str, action: str, button: str) -> None:
    """Choose from the menu of a row, and confirm it."""
    row(page, name).get_by_role("button", name="Actions for").click()
    page.get_by_role("menuitem", name=action).click()
    page.get_by_role("dialog").get_by_role("button", name=button).click()


def test_an_administrator_makes_a_user_drains_a_worker_and_finds_it_in_the_audit_log(steward: Visitor) -> None:
    page = steward.page
    section(page, "Users")
    page.get_by_role("button", name="New user").click()
    form = page.get_by_role("dialog", name="New user")
    form.get_by_label("User name").fill("hopper")
    form.get_by_label("E-mail address").fill("hopper@example.org")
    form.get_by_label("Quota").fill("a lot")
    form.get_by_role("button", name="Create user").click()
    expect(form).to_contain_text("Write a size such as 10 GB, or none.")
    form.get_by_label("Quota").fill("2 GB")
    given = form.get_by_label("Password").input_value()
    form.get_by_role("button", name="Create user").click()
    expect(row(page, "hopper")).to_contain_text("0 bytes of 2 GiB in use")

    section(page, "Workers")
    expect(row(page, "worker3")).to_contain_text("Up")
    act(page, "worker3", "Remove", "Remove")
    refused = page.get_by_role("dialog", name="Remove worker3?")
    expect(refused.locator(".form-problem")).to_contain_text("worker3")
    page.keyboard.press("Escape")
    act(page, "worker3", "Drain", "Drain")
    expect(row(page, "worker3")).to_contain_text("Draining")
    act(page, "worker3", "Take back", "Take back")
    expect(row(page, "worker3")).to_contain_text("Up")

    section(page, "Audit log")
    page.get_by_label("Who").fill(steward.name)
    page.get_by_label("What").select_option("worker")
    orders = page.get_by_role("row", name="Worker ordered")
    expect(orders).to_have_count(3)
    expect(orders.nth(1)).to_contain_text("draining")
    expect(orders.nth(2)).to_contain_text("Refused")
    page.get_by_label("What").select_option("user.create")
    created = page.get_by_role("row", name="User created")
    expect(created).to_have_count(1)
    expect(created).to_contain_text("hopper")

    page.context.clear_cookies()
    sign_in(page, "hopper", given)
    expect(page.get_by_role("link", name="Admin", exact=True)).to_have_count(0)


def test_a_level_is_ordered_explained_and_given_free_again(steward: Visitor) -> None:
    page = steward.page
    section(page, "Consistency")
    page.get_by_role("button", name="Order a level").click()
    form = page.get_by_role("dialog", name="Order a level")
    form.get_by_label("Level").select_option("hybrid")
    form.get_by_label("For").select_option("Reads")
    form.get_by_label("Why").fill("month <b>end</b>")
    form.get_by_role("button", name="Order").click()
    reads = page.get_by_role("region", name="Reads")
    expect(reads).to_contain_text(f"{steward.name} ordered it: month <b>end</b>")
    expect(page.get_by_role("img", name="Level of each class over time")).to_be_visible()
    reads.get_by_role("button", name="Why").click()
    page.get_by_role("dialog").get_by_text("What was known").click()
    expect(page.get_by_role("dialog")).to_contain_text("catalog reachable")
    page.get_by_role("button", name="Done").click()
    page.get_by_role("button", name="End the order for Reads").click()
    page.get_by_role("dialog").get_by_role("button", name="End the order").click()
    expect(page.get_by_text("There are none: the policy chooses.")).to_be_visible()


def test_users_have_no_pages_of_administrators(visitor: Visitor) -> None:
    page = visitor.page
    page.goto("/admin/users")
    expect(page.get_by_role("heading", name="There is nothing at this address")).to_be_visible()
