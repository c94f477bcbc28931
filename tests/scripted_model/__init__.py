"""A scripted model: an OpenAI-compatible HTTP server whose answers, usage, latency and faults a test decides.

server.py       :class:`ScriptedModel`: the listener on a thread of its own, counters, what was seen
rules.py        :class:`Rule`, :class:`Fault`, :class:`Usage`: what a prompt is answered with
ground_truth.py ready rule sets (a ``list[Rule]`` each), for tests and benches that share them
__main__.py     ``python -m scripted_model --port 0 --latency-ms 50 --answer yes``

A prompt no rule answers gets a 400 and is kept: :meth:`ScriptedModel.verify` then fails the test.
"""

from scripted_model.rules import Fault, Request, Rule, Usage
from scripted_model.server import ScriptedModel

__all__ = ["Fault", "Request", "Rule", "ScriptedModel", "Usage"]
