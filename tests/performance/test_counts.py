"""The goals that are counts (P1-P4) hold on every run; what is in seconds is for `kq bench` alone."""

from infra.local.measuring import bench


def test_p1_p2_one_customer_costs_what_it_may():
    over = [figure for figure in bench.upsert_and_order() if not figure.met]
    assert over == []


def test_p2_a_merge_costs_the_same_in_a_larger_base():
    assert all(figure.value == 1.0 for figure in bench.merge_cost())


def test_p4_a_batch_of_a_hundred_events_reads_and_commits_in_bounds():
    assert all(figure.met for figure in bench.batch_of_hundred())


def test_p9_deciding_not_to_send_asks_for_nothing_more_and_a_message_costs_what_it_may():
    figures = bench.message_cost(people=20)
    assert {figure.goal_id for figure in figures} == {"P9", "K8"}
    assert [figure for figure in figures if not figure.met] == []


def test_p3_a_day_costs_what_is_due_and_not_the_base():
    # A fifth of the sizes `kq bench` uses: counts do not need more to be equal or not.
    figures = bench.daily_ratio(small=200, large=2_000)
    assert [figure.value for figure in figures] == [1.0] * len(figures)
