"""The tree's node for a use of an operator."""

from __future__ import annotations

from sqlglot import exp


class SemanticCall(exp.Expression, exp.Func):
    """A use of an operator: ``this`` is the operator's name, ``expressions`` its arguments, in its order."""

    arg_types = {"this": True, "expressions": False}  # noqa: RUF012
    is_var_len_args = True

    @property
    def operator_name(self) -> str:
        """The canonical name of the operator."""
        return str(self.args["this"])
