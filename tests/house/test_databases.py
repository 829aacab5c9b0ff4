"""What meets a database is marked, so that nothing is left out on the second one."""

import os
import subprocess
import sys

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command

from tests.databases import GROUPS, mark, meets_database, spread
from tests.interpreter import NO_DATABASE

NOTHING = [sys.executable, "-c", ""]


@pytest.mark.parametrize("environment", [None, dict(os.environ)], ids=["inherited", "given"])
def test_a_process_on_the_database_of_the_run_is_refused_where_it_is_not_marked(environment):
    with pytest.raises(pytest.fail.Exception, match="Mark the test `cluster`"):
        subprocess.run(NOTHING, env=environment, check=False)


def test_a_process_on_a_database_of_its_own_needs_no_mark():
    done = subprocess.run(NOTHING, env={**os.environ, **NO_DATABASE}, check=False)

    assert done.returncode == 0


@pytest.mark.cluster
def test_a_marked_test_may_start_any_process(request):
    assert meets_database(request.node)
    assert subprocess.run(NOTHING, check=False).returncode == 0


def test_what_asks_for_a_database_by_a_fixture_is_marked(request, db):
    assert meets_database(request.node)


class Item(dict):
    """As pytest's, with these markers and nothing else."""

    nodeid = "one"

    def iter_markers(self):
        return [getattr(pytest.mark, name).mark for name in self]


def test_once_is_said_of_what_meets_a_database_and_would_else_run_twice():
    mark(Item(once=True, django_db=True))
    for without in (Item(once=True), Item(once=True, cluster=True)):
        with pytest.raises(pytest.UsageError, match="it runs once without a mark"):
            mark(without)


def test_what_asks_for_none_is_not(request):
    assert not meets_database(request.node)


@pytest.mark.django_db(transaction=True)
def test_a_test_that_empties_the_tables_leaves_the_groups_as_they_were():
    before = groups()
    call_command("flush", interactive=False, verbosity=0)
    assert not groups()

    GROUPS.give_back()

    assert before == groups()
    assert all(before.values())


def groups():
    return {
        group.name: set(group.permissions.values_list("content_type__app_label", "codename"))
        for group in Group.objects.all()
    }


def test_blocks_that_wait_stand_apart_and_not_at_the_end():
    assert "".join(spread("0123456789", [["a", "b"], ["c"]])) == "ab0123c456789"
    assert list(spread([], [["a"]])) == ["a"]
    assert list(spread("01", [])) == ["0", "1"]
