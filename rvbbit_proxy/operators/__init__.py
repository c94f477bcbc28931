"""Operators: what SQL can call, made from the cascades that say how they are called.

operator   Operator, Operators, load_operators: names and words, conflicts found at load
keywords   PostgreSQL's words that no operator may take
answering  a batch of inputs to typed values, in one run
estimate   tokens of prompts and answers, for EXPLAIN and for sizing batches
"""

from rvbbit_proxy.operators.answering import answer
from rvbbit_proxy.operators.operator import Operator, OperatorArg, Operators, load_operators

__all__ = ["Operator", "OperatorArg", "Operators", "answer", "load_operators"]
