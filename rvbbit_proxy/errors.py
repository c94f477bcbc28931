"""Every error a client can see, with PostgreSQL's SQLSTATE as a class keyword.

RvbbitError
├── ProtocolError               08P01  malformed or unexpected message
├── UpstreamLost                08006  the database we ask went away
├── AuthenticationFailed        28P01
├── TooManyConnections          53300
├── BudgetExceeded              53400  rvbbit.max_cost is reached
├── QueryCancelled              57014
├── ActiveTransaction           25001
├── ReadOnlyRelation            42501  the ledger is read only to users
├── InFailedTransaction         25P02
├── UnknownStatement            26000
├── UnknownPortal               34000
├── DuplicateStatement          42P05
├── DuplicatePortal             42P03
├── SyntaxFault                 42601  (position)
├── UnknownOperator             42883
├── AggregateMisplaced          42803
├── TypeFault                   42804
│   └── UnknownParameterType    42P18
├── InvalidValue                22023  bad value for a setting
├── ValueOutOfRange             22003  a number that its type cannot hold
├── InvalidDatetime             22007  a date or time that does not parse
├── DatetimeOverflow            22008  a date or time field outside its domain
├── InvalidEncoding             22021  bytes that are not UTF-8
├── InvalidTextRepresentation   22P02
├── InvalidBinaryRepresentation 22P03
├── BadCopyFile                 22P04  (where: the line)
├── UnknownSetting              42704
├── NotSupported                0A000  (hint says what to use instead)
├── CascadeFailed               38000
│   └── AnswerInvalid           39000  wrong shape after all retries
├── ModelUnavailable            58000
│   └── RequestRefused          58000  the provider wants this request not, another perhaps
├── LedgerUnwritable            58030  the journal or the store refused (53100: the disk is full)
├── ConfigurationFault          F0000  broken YAML, settings, cascades
├── UpstreamError               as the upstream said, or mapped
└── InternalFault               XX000  a bug of ours

Message: short and factual; facts in ``detail``; advice in ``hint``. ``position`` is 1-based, in characters
of the statement the client sent.
Source: https://www.postgresql.org/docs/16/errcodes-appendix.html
"""

from __future__ import annotations

from typing import ClassVar


class RvbbitError(Exception):
    """The base of all errors that reach a client."""

    default_sqlstate: ClassVar[str] = "XX000"

    def __init__(
        self,
        message: str,
        *,
        detail: str | None = None,
        hint: str | None = None,
        position: int | None = None,
        sqlstate: str | None = None,
        fields: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.hint = hint
        self.position = position
        self.sqlstate = sqlstate or self.default_sqlstate
        self.fields = fields or {}

    def __init_subclass__(cls, sqlstate: str | None = None, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if sqlstate is not None:
            cls.default_sqlstate = sqlstate


class ProtocolError(RvbbitError, sqlstate="08P01"):
    """The client sent bytes the protocol does not allow here."""


class UpstreamLost(RvbbitError, sqlstate="08006"):
    """The upstream connection broke."""


class AuthenticationFailed(RvbbitError, sqlstate="28P01"):
    """Wrong user or password."""


class TooManyConnections(RvbbitError, sqlstate="53300"):
    """The connection limit is reached."""


class BudgetExceeded(RvbbitError, sqlstate="53400"):
    """The statement would spend, or has spent, more than ``rvbbit.max_cost``."""


class QueryCancelled(RvbbitError, sqlstate="57014"):
    """The client asked to cancel, or a timeout did."""


class ActiveTransaction(RvbbitError, sqlstate="25001"):
    """Not allowed inside a transaction block."""


class ReadOnlyRelation(RvbbitError, sqlstate="42501"):
    """A write to a relation of the ledger."""


class InFailedTransaction(RvbbitError, sqlstate="25P02"):
    """The transaction block failed; only ROLLBACK is accepted."""


class UnknownStatement(RvbbitError, sqlstate="26000"):
    """No prepared statement has this name."""


class UnknownPortal(RvbbitError, sqlstate="34000"):
    """No portal or cursor has this name."""


class DuplicateStatement(RvbbitError, sqlstate="42P05"):
    """A prepared statement of this name exists."""


class DuplicatePortal(RvbbitError, sqlstate="42P03"):
    """A portal of this name exists."""


class SyntaxFault(RvbbitError, sqlstate="42601"):
    """The statement does not parse."""


class UnknownOperator(RvbbitError, sqlstate="42883"):
    """No operator of this name takes these arguments."""


class AggregateMisplaced(RvbbitError, sqlstate="42803"):
    """An aggregate operator where PostgreSQL allows no aggregate."""


class TypeFault(RvbbitError, sqlstate="42804"):
    """A value or expression has the wrong type."""


class UnknownParameterType(TypeFault, sqlstate="42P18"):
    """The type of a parameter cannot be determined."""


class InvalidValue(RvbbitError, sqlstate="22023"):
    """A setting or argument has a value outside its domain."""


class InvalidTextRepresentation(RvbbitError, sqlstate="22P02"):
    """A value's text or binary form does not fit its type."""


class ValueOutOfRange(RvbbitError, sqlstate="22003"):
    """A number is outside the range of its type."""


class InvalidDatetime(RvbbitError, sqlstate="22007"):
    """A date or time does not parse."""


class DatetimeOverflow(RvbbitError, sqlstate="22008"):
    """A field of a date or time is outside its domain."""


class InvalidEncoding(RvbbitError, sqlstate="22021"):
    """Text from the client is not valid UTF-8, or holds a NUL."""


class InvalidBinaryRepresentation(RvbbitError, sqlstate="22P03"):
    """A value's binary form does not fit its type."""


class BadCopyFile(RvbbitError, sqlstate="22P04"):
    """COPY data are malformed; ``fields["W"]`` tells the line."""


class UnknownSetting(RvbbitError, sqlstate="42704"):
    """No configuration parameter has this name."""


class NotSupported(RvbbitError, sqlstate="0A000"):
    """PostgreSQL can do this and we cannot."""


class CascadeFailed(RvbbitError, sqlstate="38000"):
    """A cascade run failed."""


class AnswerInvalid(CascadeFailed, sqlstate="39000"):
    """The model answered in the wrong shape after all retries."""


class ModelUnavailable(RvbbitError, sqlstate="58000"):
    """The model provider could not be reached, or none is configured for this."""


class RequestRefused(ModelUnavailable):
    """The provider refuses what is asked as it is asked (HTTP 400, 413, 422): too long, not allowed, malformed."""


class LedgerUnwritable(RvbbitError, sqlstate="58030"):
    """A record could not be kept, so what it tells of must not be used."""


class ConfigurationFault(RvbbitError, sqlstate="F0000"):
    """A cascade, trait or setting file is wrong; the message starts with file:line."""


class UpstreamError(RvbbitError):
    """The upstream refused; carries its own SQLSTATE and fields where it has them."""


class InternalFault(RvbbitError, sqlstate="XX000"):
    """A bug of ours."""
