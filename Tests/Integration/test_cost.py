"""What a sample costs does not creep: instructions a sample and allocations a scrape, by stage."""

import pytest

from parts import costs


# Twenty seconds on two cores that nobody else uses.
@pytest.mark.timeout(300)
def test_each_stage_costs_what_the_table_says():
    if reason := costs.why_not_here():
        pytest.skip(reason)
    findings = costs.compare(costs.read_table(), costs.measure())
    assert not findings, costs.advice(findings)


def test_a_change_is_told_by_stage_and_amount():
    table = {
        "scrape": {"instructions": 100, "allocations": 10},
        "append": {"instructions": 40, "allocations": 0},
    }
    assert costs.compare(table, table) == []
    assert costs.compare(table, {"scrape": {"instructions": 102.9, "allocations": 10.4}}) == []
    dearer = {
        "scrape": {"instructions": 104, "allocations": 11},
        "append": {"instructions": 38, "allocations": 1},
    }
    assert costs.compare(table, dearer) == [
        "scrape: 104 instructions a sample, 100 in the table (+4.0 %)",
        "scrape: 11 allocations a scrape, 10 in the table (+10.0 %)",
        "append: 38 instructions a sample, 40 in the table (-5.0 %)",
        "append: 1 allocations a frame, 0 in the table (+1)",
    ]
    assert costs.compare(table, {"hash": {"instructions": 1, "allocations": 1}}) == [
        "hash: the table has no figures"
    ]
    assert "script/costs --renew" in costs.advice(["a finding"])


def test_a_profile_is_read_by_the_allocators_first_instructions():
    text = """\
fn=work
0x10 0 50
cfn=malloc
calls=9 0x20
0x14 0 60
fn=malloc
0x24 0 4
0x20 0 3
cfn=_int_malloc
calls=3 0x40
0x28 0 30
fn=_int_malloc
0x40 0 30
totals: 143
"""
    assert costs.read_profile(text) == (143, 3)
