"""The valid policy graph against RFC 5280 6.1 and its bound on work."""

from __future__ import annotations

import time

from jpki.der.oids import ANY_POLICY
from jpki.verify.policies import PolicyGraph

ANY = frozenset({ANY_POLICY})


def test_a_policy_in_every_certificate_is_granted() -> None:
    """What all certificates assert is the result; what one lacks is not."""
    graph = PolicyGraph()
    graph.add_certificate(["1.1", "1.2"], any_policy_counts=True)
    graph.add_certificate(["1.2", "1.3"], any_policy_counts=True)
    assert graph.constrained_to(ANY) == {"1.2"}


def test_a_certificate_without_policies_ends_them_all() -> None:
    """6.1.3 (e): no extension, no policy, from there on."""
    graph = PolicyGraph()
    graph.add_certificate(None, any_policy_counts=True)
    assert graph.is_null
    graph.add_certificate(["1.1"], any_policy_counts=True)
    assert graph.is_null


def test_any_policy_stands_for_all_unless_inhibited() -> None:
    """anyPolicy lets the lower certificate's policy through; inhibited, it does not."""
    for counts, expected in ((True, {"1.1"}), (False, set())):
        graph = PolicyGraph()
        graph.add_certificate([ANY_POLICY], any_policy_counts=counts)
        graph.add_certificate(["1.1"], any_policy_counts=True)
        assert graph.constrained_to(ANY) == expected


def test_any_policy_to_the_end_grants_what_the_user_asks() -> None:
    """With anyPolicy all the way down, the user's own set is the result."""
    graph = PolicyGraph()
    graph.add_certificate([ANY_POLICY], any_policy_counts=True)
    assert graph.constrained_to(ANY) == ANY
    assert graph.constrained_to(frozenset({"1.9"})) == {"1.9"}


def test_a_mapping_is_followed_and_named_in_the_anchors_terms() -> None:
    """A subject domain's policy counts as the issuer domain's that it is mapped to."""
    graph = PolicyGraph()
    graph.add_certificate(["1.1"], any_policy_counts=True)
    graph.map_policies({"1.1": frozenset({"2.1"})}, mapping_allowed=True)
    graph.add_certificate(["2.1"], any_policy_counts=True)
    assert graph.constrained_to(ANY) == {"1.1"}
    assert graph.constrained_to(frozenset({"2.1"})) == frozenset()


def test_an_inhibited_mapping_loses_the_policy() -> None:
    """6.1.4 (b)(2): a policy that would be mapped is deleted."""
    graph = PolicyGraph()
    graph.add_certificate(["1.1", "1.2"], any_policy_counts=True)
    graph.map_policies({"1.1": frozenset({"2.1"})}, mapping_allowed=False)
    graph.add_certificate(["1.1", "1.2", "2.1"], any_policy_counts=True)
    assert graph.constrained_to(ANY) == {"1.2"}


def test_a_mapping_of_what_only_any_policy_covers_is_followed() -> None:
    """6.1.4 (b)(1): anyPolicy gives birth to the mapped policy."""
    graph = PolicyGraph()
    graph.add_certificate([ANY_POLICY], any_policy_counts=True)
    graph.map_policies({"1.1": frozenset({"2.1"})}, mapping_allowed=True)
    graph.add_certificate(["2.1"], any_policy_counts=True)
    assert graph.constrained_to(ANY) == {"1.1"}


def test_hostile_mappings_cost_linear_time() -> None:
    """Twenty certificates that map everything to everything stay cheap (RFC 9618)."""
    policies = [f"1.{number}" for number in range(60)]
    everything = frozenset(policies)
    graph = PolicyGraph()
    began = time.perf_counter()
    for _ in range(20):
        graph.add_certificate(policies, any_policy_counts=True)
        graph.map_policies(dict.fromkeys(policies, everything), mapping_allowed=True)
    graph.add_certificate(policies, any_policy_counts=True)
    assert graph.constrained_to(ANY) == everything
    assert time.perf_counter() - began < 2
