"""Meta cascades: judgements of runs, made in the background for the caller of the run that is judged.

tasks       what is to be judged, from an ended run: sampling, shortening
confidence  a run's worth as a training example: ``assess_training_confidence``
relevance   how much of its context a cell used: ``analyze_context_relevance``
queue       MetaQueue: hears of ended runs, keeps what is owed, runs it, records the judgements

A judgement is a run like any other, with ``is_meta`` set and the judged run as its parent. Its caller is read
from the ledger by the judged session's id. It spends nothing of the statement's budget, outlives its
cancellation, and cannot make it fail.
"""
