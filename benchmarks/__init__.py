"""Each figure the documentation quotes, beside its limit and its peers.

A benchmark is a module of this package with a docstring and a function
`run(quick: bool) -> Sequence[Figure]`. The limit is what no program could beat on this
machine, and peers are other programs that do the same; both are measured in the same
run, because machines differ from day to day more than programs do.

    python -m benchmarks                    list
    python -m benchmarks startup --quick    run one, shorter
"""
