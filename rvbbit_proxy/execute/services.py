"""What running a statement needs besides the statement: operators, cascades, cache, the model loop."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field

from rvbbit_proxy.cascade.runtime import Runtime
from rvbbit_proxy.engine.upstream import UpstreamSession
from rvbbit_proxy.execute.history import History
from rvbbit_proxy.execute.keys import RememberedKeys
from rvbbit_proxy.execute.model_loop import ModelLoop
from rvbbit_proxy.execute.progress import RunningStages
from rvbbit_proxy.llm.cache import ResultCache
from rvbbit_proxy.llm.door import ModelDoor
from rvbbit_proxy.sql.dialect import SqlReader


@dataclass(frozen=True, slots=True)
class Services:
    """Made once by the app. ``told_offline`` remembers the sessions that know no model is configured."""

    reader: SqlReader
    runtime: Runtime
    cache: ResultCache
    loop: ModelLoop
    door: ModelDoor
    history: History = field(default_factory=History)
    running: RunningStages = field(default_factory=RunningStages)
    remembered: RememberedKeys = field(default_factory=RememberedKeys)
    told_offline: weakref.WeakSet[UpstreamSession] = field(default_factory=weakref.WeakSet)
