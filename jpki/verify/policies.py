"""The valid policy graph (RFC 5280 section 6.1 as updated by RFC 9618).

RFC 5280 speaks of a tree, which hostile policy mappings can grow exponentially. The
graph of RFC 9618 gives the same answers with at most one node per policy and depth,
so the work is linear in the size of the certificates. Pruning is not carried out: a
node without a descendant at the current depth is never looked at again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from jpki.der.oids import ANY_POLICY

__all__ = ["PolicyGraph"]

_ANY_ONLY: Final = frozenset({ANY_POLICY})


@dataclass(eq=False, slots=True)
class _Node:
    policy: str
    expected: frozenset[str]
    parents: tuple[_Node, ...]


class PolicyGraph:
    """The policies under which the path so far is valid."""

    def __init__(self) -> None:
        # 6.1.2 (a): one node of depth zero, valid for and expecting anyPolicy.
        self._above: dict[str, _Node] = {}
        self._level = {ANY_POLICY: _Node(ANY_POLICY, _ANY_ONLY, ())}

    @property
    def is_null(self) -> bool:
        """Whether the path is valid under no policy at all."""
        return not self._level

    def add_certificate(
        self, policies: Iterable[str] | None, *, any_policy_counts: bool
    ) -> None:
        """6.1.3 (d) and (e): go one certificate deeper.

        Args:
            policies: what the certificate asserts; None without the extension.
            any_policy_counts: inhibit_anyPolicy is above zero, or this is a
                self-issued certificate that is not the last of the path.
        """
        above, self._above, self._level = self._level, self._level, {}
        if policies is None:
            self._above = {}
            return
        asserted = dict.fromkeys(policies)
        expecting: dict[str, list[_Node]] = {}
        for node in above.values():
            for policy in node.expected:
                expecting.setdefault(policy, []).append(node)
        any_above = above.get(ANY_POLICY)
        for policy in asserted:
            if policy == ANY_POLICY:
                continue
            if parents := expecting.get(policy):
                self._add(policy, parents)  # (d)(1)(i)
            elif any_above is not None:
                self._add(policy, (any_above,))  # (d)(1)(ii)
        if ANY_POLICY in asserted and any_policy_counts:
            for policy, parents in expecting.items():  # (d)(2)
                if policy not in self._level:
                    self._add(policy, parents)

    def _add(self, policy: str, parents: Iterable[_Node]) -> None:
        self._level[policy] = _Node(policy, frozenset({policy}), tuple(parents))

    def map_policies(
        self, mappings: Mapping[str, frozenset[str]], *, mapping_allowed: bool
    ) -> None:
        """6.1.4 (b): translate issuer domain policies, or delete them."""
        for issuer_policy, subject_policies in mappings.items():
            node = self._level.get(issuer_policy)
            if not mapping_allowed:
                self._level.pop(issuer_policy, None)  # (b)(2)
            elif node is not None:
                node.expected = subject_policies  # (b)(1)
            elif ANY_POLICY in self._level and ANY_POLICY in self._above:
                parent = self._above[ANY_POLICY]
                self._level[issuer_policy] = _Node(
                    issuer_policy, subject_policies, (parent,)
                )

    def constrained_to(self, initial: frozenset[str]) -> frozenset[str]:
        """6.1.5 (g): the user-constrained policy set, in the trust anchor's terms.

        Args:
            initial: user-initial-policy-set; holding anyPolicy, it constrains nothing.
        """
        granted: set[str] = set()
        seen: set[int] = set()
        waiting = list(self._level.values())
        while waiting:
            node = waiting.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            below_any = any(parent.policy == ANY_POLICY for parent in node.parents)
            if node.policy != ANY_POLICY and below_any:
                granted.add(node.policy)
            waiting.extend(node.parents)
        any_granted = ANY_POLICY in self._level
        if ANY_POLICY in initial:
            return frozenset(granted | _ANY_ONLY if any_granted else granted)
        return initial if any_granted else initial & granted
