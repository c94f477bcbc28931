"""Runs a plan: stages in order on the client's own upstream session, then the plain statement.

- ``request``     what the session hands over
- ``semantics``   the entry: is it semantic, describe it, run it, explain it
- ``plans``       plans of statements that came before
- ``stages``      spools, operator stages and waves, in order
- ``waves``       rows judged a few at a time, until enough have passed
- ``ordering``    which condition to judge first, by cost and what it removes
- ``history``     what operators have let through before, from the ledger
- ``top``         the inputs with the greatest scores, from a shortlist
- ``proxies``     clear cases of a predicate decided by a proxy, as a sample proves
- ``similarity``  how alike an operator's first two arguments are, by embeddings
- ``small_model`` how likely a predicate is true, by a small model's log-probabilities
- ``judging``     some inputs of a stage to answers, one operator span
- ``relations``   the temporary relations of a plan
- ``views``       views over operators: stand-ins on the upstream, expanded where they are read
- ``pairs``       inputs that are pairs of two sources' texts: all, or those alike enough to match
- ``answers``     from distinct inputs to answers: cache, batches, concurrency, splitting, budget
- ``keys``        cache keys of inputs, remembered by text
- ``batches``     how inputs are divided among prompts
- ``blocks``      pairs divided into blocks of few texts
- ``explain``     the plan as text, with calls, tokens and cost
- ``model_loop``  the one event loop of all model traffic
- ``result``      results of the proxy's own, and results that end a transaction
"""
