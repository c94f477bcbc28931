"""One client's session on DuckDB: a cursor of the process's instance, with its own transaction and temp tables.

A statement that only reads becomes a lazy relation, whose stream keeps memory bounded by the batch; any other runs
at once. Transaction control is taken apart here, since DuckDB knows neither BEGIN's options nor savepoints.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from itertools import zip_longest
from typing import Any, Literal

import duckdb
import pyarrow as pa

from rvbbit_proxy.engine.catalog.declared import DeclaredColumns, marked_comment, marks, spell_types
from rvbbit_proxy.engine.catalog.emulation import SessionCatalog, announced
from rvbbit_proxy.engine.catalog.foreign_keys import Reference, marked_table_comment
from rvbbit_proxy.engine.catalog.rewrite import Rewritten, Step
from rvbbit_proxy.engine.catalog.sums import plain_sums
from rvbbit_proxy.engine.duckdb_constraints import VIOLATIONS, explain_violation, spell_conflict_target
from rvbbit_proxy.engine.duckdb_copy import DuckDBCopyIn
from rvbbit_proxy.engine.duckdb_errors import DRIVER_ERRORS, read_fault, translate_error
from rvbbit_proxy.engine.duckdb_few import FEW_ROWS, FewQueries, FewQuery, Inexact, are_exact, is_bounded, run_few
from rvbbit_proxy.engine.duckdb_foreign_keys import KeyCommits, Side
from rvbbit_proxy.engine.duckdb_guard import (
    LEDGER_CATALOGS,
    check_statement,
    dropped_names,
    redirect_annotations,
    writes_annotations,
)
from rvbbit_proxy.engine.duckdb_inference import KEPT, PROBE_ERRORS, QUERY_PLAN, DuckDBBinder
from rvbbit_proxy.engine.duckdb_inserts import holds_texts, name_columns, spell_literals
from rvbbit_proxy.engine.duckdb_instance import Health
from rvbbit_proxy.engine.duckdb_keys import constraints_of, kept_keys, take_keys
from rvbbit_proxy.engine.duckdb_lengths import fit_lengths
from rvbbit_proxy.engine.duckdb_like import spell_like
from rvbbit_proxy.engine.duckdb_missing import missing_feature
from rvbbit_proxy.engine.duckdb_origins import ColumnOrigins, StatementOrigins
from rvbbit_proxy.engine.duckdb_parameters import bind_parameters, null_parameters, substitute_parameters
from rvbbit_proxy.engine.duckdb_privileges import GRANTED, grant, is_about_privileges
from rvbbit_proxy.engine.duckdb_result import (
    BATCH_ROWS,
    DuckDBResult,
    column_list,
    describe_relation,
    wire_projection,
)
from rvbbit_proxy.engine.duckdb_savepoints import WriteCommits
from rvbbit_proxy.engine.duckdb_sequences import without_sequences
from rvbbit_proxy.engine.duckdb_skipped import lookup_of, skipped
from rvbbit_proxy.engine.duckdb_steps import in_steps
from rvbbit_proxy.engine.duckdb_tables import find_table
from rvbbit_proxy.engine.duckdb_transactions import Transactions
from rvbbit_proxy.engine.duckdb_types import fetch_expression
from rvbbit_proxy.engine.statement import (
    COUNTED,
    command_tag,
    counted_tag,
    strip_end,
    transaction_command,
    words_of,
)
from rvbbit_proxy.engine.upstream import (
    CopyIn,
    Description,
    Notice,
    Parameter,
    TransactionStatus,
    UpstreamSession,
)
from rvbbit_proxy.errors import (
    ReadOnlyRelation,
    RvbbitError,
    SyntaxFault,
    UpstreamError,
)
from rvbbit_proxy.sql.copy import CopyCommand
from rvbbit_proxy.sql.lexer import Statement as StatementText
from rvbbit_proxy.sql.lexer import leading_words, lexemes, split_statements, unquote_identifier, words
from rvbbit_proxy.sql.lists import split_list
from rvbbit_proxy.sql.remembered import LONGEST_KEPT
from rvbbit_proxy.wire.types import oids
from rvbbit_proxy.wire.types.style import DEFAULT_STYLE, TextStyle

log = logging.getLogger(__name__)

SESSION_SETTINGS = (
    "SET SESSION errors_as_json = true",
    "SET SESSION TimeZone = 'UTC'",
    "SET SESSION integer_division = true",
    "SET SESSION error_on_division_by_zero = true",
    "SET SESSION default_null_order = 'postgres'",
    # DuckDB's own 10 MiB cost each stream that memory, and the first row waits until they are full
    "SET SESSION streaming_buffer_size = '1MiB'",
    # a failed probe of ours, or a misspelt name before ROLLBACK TO, must not end the block inside DuckDB
    "SET SESSION default_transaction_invalidation_policy = 'SYNTACTIC_ERRORS_DO_NOT_INVALIDATE'",
    "SET SESSION python_enable_replacements = false",  # else FROM would find this process's Python variables
)
"""What brings a DuckDB session closer to PostgreSQL, for this session only."""

_VERBS = {"MERGE_INTO": "MERGE", "RELATION": "SELECT", "EXTENSION": "SELECT", "MULTI": "SELECT"}
_ROW_VERBS = frozenset(("SELECT", "CALL", "PRAGMA", "EXECUTE"))
_DATA_VERBS = frozenset(("INSERT", "UPDATE", "DELETE", "MERGE"))
_FITTED = frozenset((("insert",), ("update",), ("merge",), ("with",)))


_NAMED = """
    SELECT database_name FROM duckdb_tables() WHERE lower(table_name) = $name
    UNION ALL SELECT database_name FROM duckdb_views() WHERE lower(view_name) = $name AND NOT internal
"""


class DuckDBSession(UpstreamSession):
    """A session; not safe for two threads at once, except :meth:`cancel`.

    ``style`` tells how text parameters are read: a timestamptz without zone, a date's order of parts.
    """

    dialect: Literal["duckdb"] = "duckdb"

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        catalog: SessionCatalog,
        *,
        has_ledger: bool = False,
        health: Health | None = None,
        key_commits: KeyCommits | None = None,
        commits: WriteCommits | None = None,
    ) -> None:
        super().__init__()
        self.style: TextStyle = DEFAULT_STYLE
        self._connection = connection
        self._catalog = catalog
        self.activity = catalog.activity
        self._statement = Rewritten("")
        self._has_ledger = has_ledger
        self._health = health or Health()
        self._transactions = Transactions(
            connection, catalog, key_commits or KeyCommits(), commits or WriteCommits(), self._warn
        )
        self._binder = DuckDBBinder(connection, lambda: catalog.version, self._is_jsonb)
        self._column_origins = ColumnOrigins(
            connection, lambda: catalog.version, self._binder.table_columns, catalog.declared
        )
        self._origins = StatementOrigins(0, None)
        self._few = FewQueries()
        self._fitted_under: DeclaredColumns = {}
        self._fitted_texts: dict[str, str] = {}
        self._open: DuckDBResult | None = None
        self._cancel_lock = threading.Lock()
        self._running = False
        self._cancelled = False

    # statements

    def execute(
        self, sql: str, parameters: Sequence[Parameter] = (), *, result_formats: Sequence[int] = ()
    ) -> DuckDBResult:
        """Run one statement; rows come as Arrow batches whatever ``result_formats`` says."""
        self._health.check()
        self._release_connection()
        try:
            query = self._few.written(sql)
            command = transaction_command(sql) if query is None else None
            if command is not None:
                return self._transactions.control(command)
            self._transactions.refuse_if_failed()
            self._start()
            self._origins = self._column_origins.of(sql)
            if query is not None and query.written is not None:
                self._statement = query.written
                return self._run_few(sql, parameters, query) or self._run(sql, parameters)
            if is_about_privileges(sql):
                return self._grant(sql)
            if words_of(sql, 2) == ("SET", "CONSTRAINTS"):
                return self._set_constraints(sql)
            notices = skipped(sql, self._exists)
            asked, sql = sql, self._prepared(sql, result_formats) or sql
            if not notices:
                self._statement = self._with_marks(self._statement, asked)
            touched = self._transactions.keys.touched(sql)
            if self._statement.before or self._statement.after or touched:
                result = self._run_among(self._statement, parameters, touched)
            else:
                result = self._run_or_complete(sql, parameters)
                if self._statement == Rewritten(asked):
                    self._few.ran_as_written(self._statement)
            for notice in notices:
                self._tell(notice)
            return result
        except RvbbitError:
            self._transactions.fail()
            raise
        except PROBE_ERRORS as error:
            raise self._located(error, sql) from error
        except DRIVER_ERRORS as error:
            raise self._translate(error, sql) from error
        finally:
            if self._open is None:
                self._stop()

    def _grant(self, sql: str) -> DuckDBResult:
        tag = grant(sql, lambda name: self._connection.sql(self._prepared(f"SELECT 1 FROM {name} LIMIT 0")))
        self._tell(GRANTED)
        return DuckDBResult(None, tag)

    def _set_constraints(self, sql: str) -> DuckDBResult:
        """Run SET CONSTRAINTS; only foreign keys are ever deferred."""
        if not self._transactions.in_block:
            self._warn("25P01", "SET CONSTRAINTS can only be used in transaction blocks")
        *named, mode = [part for part in lexemes(sql)[2:] if part.text != ";"]
        items = split_list(named)
        names = [unquote_identifier(item[-1]) for item in items if item]
        if len(named) == 1 and named[0].text.upper() == "ALL":
            names = []
        self._transactions.keys.set_constraints(names, deferred=mode.text.upper() == "DEFERRED")
        return DuckDBResult(None, "SET CONSTRAINTS")

    def _exists(self, kind: str, name: str) -> bool:
        """Tell whether there is an object of a kind under a name as written; see ``duckdb_skipped``."""
        listed = lookup_of(kind)
        wanted = unquote_identifier(lexemes(name)[-1])
        if listed is not None:
            return (wanted,) in self._connection.execute(listed).fetchall()
        if kind.startswith("constraint of "):
            table = find_table(self._connection, kind.removeprefix("constraint of "))
            return table is None or wanted in (one.name for one in constraints_of(self._connection, table))
        of_table = kind.startswith("column of ")
        relation = kind.removeprefix("column of ") if of_table else name
        try:
            found = self._connection.sql(self._prepared(f"SELECT * FROM {relation} LIMIT 0"))
        except PROBE_ERRORS:
            return False
        return not of_table or wanted in found.columns

    def _run_or_complete(self, sql: str, parameters: Sequence[Parameter]) -> DuckDBResult:
        try:
            return self._run(sql, parameters)
        except PROBE_ERRORS as error:
            other = (
                name_columns(sql, str(error), self._binder.table_columns)
                or plain_sums(sql, error)
                or without_sequences(sql, error, self._fetch_rows)
            )
            if other is None:
                raise
        return self._run(other, parameters)

    def _fetch_rows(self, sql: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._connection.execute(sql).fetchall()
        return found

    def _run(self, sql: str, parameters: Sequence[Parameter]) -> DuckDBResult:
        if self._few.expects(sql) and not self._statement.column_oids:
            few = self._run_few(sql, parameters)
            if few is not None:
                return few
        statements = self._connection.extract_statements(sql)
        if len(statements) > 1:
            raise UpstreamError("cannot insert multiple commands into a prepared statement", sqlstate="42601")
        if not statements:
            return DuckDBResult(None, "")
        verb = _VERBS.get(statements[0].type.name, statements[0].type.name)
        text, values = self._bind(sql, parameters)
        relation = self._connection.sql(text, params=values or None)
        if verb == "EXPLAIN" and relation is not None:
            return explained(relation)
        if verb in _ROW_VERBS and relation is not None and relation.columns != ["Success"]:
            result = self._stream(text, verb, relation, values)
            if statements[0].type.name == "SELECT" and result.first_rows <= FEW_ROWS and are_exact(relation.types):
                self._few.expect(sql)
            return result
        self._transactions.wrote(text)
        if verb not in _DATA_VERBS:
            self._catalog.defined(sql, in_block=self._transactions.is_open)
        return self._finished(sql, verb, relation)

    def _run_few(
        self, sql: str, parameters: Sequence[Parameter], query: FewQuery | None = None
    ) -> DuckDBResult | None:
        """Run a query that is expected to give few rows; None where its rows have to come through Arrow."""
        text, values = self._bind(sql, parameters)
        if query is None or query.text != text:
            query = self._few.query(text) or self._few_query(text)
        if query is None:
            return None
        self._check_cancelled()
        cursor = self._connection.execute(query.statement, values or None)
        shape = query.shape(cursor.description or ())
        try:
            first, rest = (None, None) if shape is None else run_few(cursor, query, shape)
        except Inexact:
            shape = None
        if shape is None:
            cursor.complete()  # abort would fail the block of a query that draws from a sequence
            self._few.refuse(sql)
            return None
        columns = self._origins.place(shape.columns)
        if rest is None:
            return DuckDBResult(columns, query.tag, first=first)
        self._few.refuse(sql)
        self._open = DuckDBResult(
            columns, query.tag, rest, first=first, on_fault=self._translate, on_end=self._few_ended
        )
        return self._open

    def _few_ended(self, result: DuckDBResult) -> None:
        self._connection.abort()  # what was not fetched
        self._ended(result)

    def _few_query(self, text: str) -> FewQuery | None:
        statements = self._connection.extract_statements(text)
        if [statement.type.name for statement in statements] != ["SELECT"]:
            return None
        query = FewQuery(text, statements[0], command_tag("SELECT", words_of(text)), is_bounded(text))
        self._few.keep(query)
        return query

    def _prepared(self, sql: str, formats: Sequence[int] = ()) -> str:
        """Return the statement in DuckDB's terms; raises for what it must not be given."""
        checked = self._checked(sql)
        if "constraint" in checked.lower() and words_of(checked, 1) in (("INSERT",), ("WITH",)):
            checked = spell_conflict_target(checked, self._connection)
        if holds_texts(checked) and words_of(checked, 1) in (("INSERT",), ("UPDATE",)):
            checked = spell_literals(checked, self._binder.table_columns)
        if words_of(checked, 3) == ("COMMENT", "ON", "COLUMN"):
            checked = marked_comment(checked, self._catalog.comment_of)
        elif words_of(checked, 3) == ("COMMENT", "ON", "TABLE"):
            checked = marked_table_comment(checked, self._table_comment)
        alike, finish = spell_like(checked, self._connection)
        kept, table, keys = take_keys(alike)
        spelt = spell_types(kept)
        found = self._catalog.prepare(spelt, in_block=self._transactions.in_block, formats=formats)
        found = in_steps(
            found,
            self._connection,
            self._catalog.wait_for_renames,
            self._catalog.references,
            updated=self._transactions.changed_rows,
        )
        if keys:
            finish = (*finish, kept_keys(table, keys))
        found = replace(found, after=(*found.after, *finish))
        fitted = self._fitted(found.sql)
        displaced = found.displaced or len(spelt) != len(checked) or fitted != found.sql
        self._statement = replace(found, sql=fitted, displaced=displaced)
        return self._statement.sql

    def _fitted(self, sql: str) -> str:
        """Return the statement with values held to the lengths of their columns, where any has one."""
        declared = self._catalog.declared() if leading_words(sql, 1) in _FITTED else {}
        if not declared:
            return sql
        if self._fitted_under is not declared or len(self._fitted_texts) > KEPT:
            self._fitted_under, self._fitted_texts = declared, {}
        fitted = self._fitted_texts.get(sql)
        if fitted is None:
            fitted = fit_lengths(sql, self._catalog.declared_lengths, self._column_names)
            if len(sql) <= LONGEST_KEPT:
                self._fitted_texts[sql] = fitted
        return fitted

    def _is_jsonb(self, query: str) -> bool:
        origins = self._column_origins.of(query).origins or ()
        return [origin.type_oid for origin in origins] == [oids.JSONB]

    def _column_names(self, table: str) -> list[str]:
        return [name for name, _ in self._binder.table_columns(table)]

    def _table_comment(self, table: str) -> str | None:
        found = find_table(self._connection, table)
        return found.comment if found is not None else None

    def _with_marks(self, statement: Rewritten, sql: str) -> Rewritten:
        """Return a definition with what keeps the types its columns are declared with."""
        kept = [
            self._catalog.prepare(mark, in_block=self._transactions.in_block).sql
            for mark in marks(sql, self._catalog.comment_of)
        ]
        return replace(statement, after=(*statement.after, *kept)) if kept else statement

    def _declared(self, type_oids: Sequence[int]) -> list[int]:
        """Return the parameters' types as the client declared them, else as the catalogs know them."""
        known = self._statement.parameter_oids
        return [given or here for given, here in zip_longest(type_oids, known, fillvalue=0)]

    def _run_among(
        self,
        statement: Rewritten,
        parameters: Sequence[Parameter],
        touched: Sequence[tuple[Reference, Side]],
    ) -> DuckDBResult:
        """Run a statement between those that belong to it, all of them or none; ``touched`` are held to."""
        if statement.renames_indexed:
            self._catalog.renames_indexed()
        with self._transactions.all_or_none():
            for step in statement.before:
                self._take(step)
            result = (
                self._run_or_complete(statement.sql, parameters) if statement.sql else self._altered(statement.tag)
            )
            for step in statement.after:
                self._take(step)
            verb = words_of(statement.sql, 1)
            self._transactions.keys.enforce(
                touched,
                deleted=verb not in (("UPDATE",), ("INSERT",)),
                added=verb == ("INSERT",) and "conflict" not in statement.sql.lower(),
            )
        return result

    def _take(self, step: Step) -> None:
        for text in (step,) if isinstance(step, str) else step(self._connection):
            self._connection.execute(text)

    def _altered(self, tag: str) -> DuckDBResult:
        self._transactions.wrote(tag)
        self._catalog.defined(tag, in_block=True)
        return DuckDBResult(None, tag)

    def _checked(self, sql: str) -> str:
        """Return the statement DuckDB may be given; raises for what it must not."""
        check_statement(sql)
        if not self._has_ledger:
            return sql
        if words_of(sql, 1) in (("DROP",), ("ALTER",)):
            for name in dropped_names(sql):
                if self._only_in_ledger(name):
                    raise ReadOnlyRelation(f"permission denied for rvbbit.{name}")
        unqualified = writes_annotations(sql) and self._only_in_ledger("training_annotations")
        return redirect_annotations(sql, unqualified=unqualified)

    def _only_in_ledger(self, name: str) -> bool:
        """Tell whether a name without schema means a view of the ledger: the user has no relation of that name."""
        found = self._connection.execute(_NAMED, {"name": name}).fetchall()
        return bool(found) and all(database in LEDGER_CATALOGS for (database,) in found)

    def _bind(self, sql: str, parameters: Sequence[Parameter]) -> tuple[str, dict[str, Any]]:
        """Return the statement with its typed NULLs written in, and the values of its other parameters."""
        if not parameters:
            return sql, {}
        declared = self._declared([parameter.type_oid for parameter in parameters])
        type_oids = self._binder.parameter_oids(sql, declared)
        nulls = null_parameters(parameters, type_oids)
        values = bind_parameters(sql, parameters, type_oids, self.style)
        if not nulls:
            return sql, values
        return substitute_parameters(sql, nulls), {
            number: value for number, value in values.items() if int(number) not in nulls
        }

    def _stream(
        self, sql: str, verb: str, relation: duckdb.DuckDBPyRelation, values: dict[str, Any]
    ) -> DuckDBResult:
        columns = announced(self._origins.place(describe_relation(relation, sql)), self._statement.column_oids)
        projection = wire_projection(relation)
        if projection is not None:
            relation = self._wrapped(sql, relation, projection, values)
        self._check_cancelled()
        reader = relation.to_arrow_reader(BATCH_ROWS)
        tag = command_tag(verb, words_of(sql))
        result = DuckDBResult(columns, tag, reader, on_fault=self._translate, on_end=self._ended)
        self._open = result
        result.prime()
        return result

    def _wrapped(
        self, sql: str, relation: duckdb.DuckDBPyRelation, projection: str, values: dict[str, Any]
    ) -> duckdb.DuckDBPyRelation:
        names = column_list(relation)
        if relation.type != "QUERY_RELATION":  # it has run already; SQL over its text would run it again
            again = relation.query("rvbbit_result", f"SELECT {projection} FROM rvbbit_result AS q({names})")
        else:
            wrapped = f"FROM (\n{strip_end(sql)}\n) AS q({names}) SELECT {projection}"
            again = self._connection.sql(wrapped, params=values or None)
        assert again is not None  # both are queries
        return again

    def _finished(self, sql: str, verb: str, relation: duckdb.DuckDBPyRelation | None) -> DuckDBResult:
        tag = command_tag(verb, words_of(sql))
        if relation is None:
            return DuckDBResult(None, tag)
        if verb in _DATA_VERBS and returns_rows(sql):
            return self._returned(sql, tag, relation)
        rows = relation.fetchall() if relation.columns == ["Count"] else []
        row = rows[0] if rows else None
        if tag in COUNTED:
            return DuckDBResult(None, counted_tag(tag, row[0] if row else 0))
        if tag == "CREATE TABLE" and row:  # CREATE TABLE AS: DuckDB tells the rows, as PostgreSQL does
            return DuckDBResult(None, counted_tag("SELECT", row[0]))
        return DuckDBResult(None, tag)

    def _returned(self, sql: str, tag: str, relation: duckdb.DuckDBPyRelation) -> DuckDBResult:
        columns = self._origins.place(describe_relation(relation, sql))
        projection = wire_projection(relation)
        if projection is not None:
            relation = self._wrapped("", relation, projection, {})
        table = relation.to_arrow_table()
        return DuckDBResult(columns, counted_tag(tag, table.num_rows), table.to_reader(BATCH_ROWS))

    def describe(self, sql: str, parameter_oids: Sequence[int] = ()) -> Description:
        """Tell parameters and columns; nothing runs, and a failed block refuses all but its end."""
        self._release_connection()
        try:
            if transaction_command(sql) is not None or is_about_privileges(sql):
                return Description((), None)
            self._transactions.refuse_if_failed()
            prepared = self._prepared(sql)
            found = self._described(prepared, self._declared(parameter_oids))
            if found.columns is None:
                return found
            columns = self._column_origins.of(sql).place(found.columns)
            return replace(found, columns=announced(columns, self._statement.column_oids))
        except RvbbitError as fault:
            self._transactions.fail()
            raise self._placed(fault, sql) from fault.__cause__
        except DRIVER_ERRORS as error:
            raise self._translate(error, sql) from error

    def _described(self, sql: str, declared: Sequence[int]) -> Description:
        try:
            return self._binder.describe(sql, declared)
        except UpstreamError as fault:
            cause = fault.__cause__
            if not isinstance(cause, duckdb.Error):
                raise
            other = plain_sums(sql, cause) or without_sequences(sql, cause, self._fetch_rows, run=False)
            if other is None:
                raise
        return self._binder.describe(other, declared)

    def check_syntax(self, sql: str) -> None:
        """Raise the first syntax error; the whole text is tried first, since most of it DuckDB reads as it is."""
        self._release_connection()
        try:
            self._connection.extract_statements(sql)
        except (*PROBE_ERRORS, duckdb.NotImplementedException):
            for statement in split_statements(sql):
                self._check_statement(statement)

    def _check_statement(self, statement: StatementText) -> None:
        if is_about_privileges(statement.text):
            return
        try:
            self._connection.extract_statements(self._prepared(statement.text))
        except duckdb.ParserException as error:
            fault = self._placed(translate_error(error, statement.text), statement.text)
            if fault.position is not None:
                fault.position += statement.offset
            if fault.sqlstate == SyntaxFault.default_sqlstate:
                raise (missing_feature(statement.text) or fault) from error
        except (RvbbitError, *DRIVER_ERRORS):
            return  # it comes again when the statement runs

    # stages

    def fetch(self, sql: str) -> pa.Table:
        """Return all rows of a query; types outside Arrow's own are text."""
        self._release_connection()
        self._transactions.refuse_if_failed()
        self._start()
        try:
            sql = self._catalog.prepare(sql, in_block=self._transactions.in_block).sql
            relation = self._connection.sql(sql)
            expressions = [fetch_expression(kind, f"c{n}") for n, kind in enumerate(relation.types, start=1)]
            if not any(expressions):
                return relation.to_arrow_table()
            names = relation.columns
            projection = ", ".join(text or f"c{n}" for n, text in enumerate(expressions, start=1))
            return self._wrapped(sql, relation, projection, {}).to_arrow_table().rename_columns(names)
        except DRIVER_ERRORS as error:
            raise self._translate(error, sql) from error
        finally:
            self._stop()

    def load(self, name: str, table: pa.Table, key: Sequence[str] = ()) -> None:
        """Create or replace a temporary table; no index, since DuckDB's hash joins need none."""
        with self._own_work():
            self._connection.register("rvbbit_incoming", table)
            try:
                self._connection.sql(f"CREATE OR REPLACE TEMP TABLE {_quoted(name)} AS FROM rvbbit_incoming")
            finally:
                self._connection.unregister("rvbbit_incoming")

    def keep(self, name: str, sql: str) -> None:
        """Create a temporary table of a query's rows.

        A client's definition has every session look at the catalogs again; this one concerns nobody.
        """
        create = f"CREATE OR REPLACE TEMP TABLE {_quoted(name)} AS {sql}"
        with self._own_work():
            try:
                self._connection.execute(self._prepared(create))
                return
            except PROBE_ERRORS as error:
                log.debug("kept the long way: %s", error)
        self.execute(create).close()  # which tells what is wrong, or knows another spelling

    def keep_returned(self, name: str, sql: str) -> int:
        """Run a change and insert what it returns."""
        result = self.execute(sql)
        batches = [batch for batch in result.batches() if isinstance(batch, pa.RecordBatch) and batch.num_rows]
        result.close()
        if not batches:
            return 0
        rows = pa.Table.from_batches(batches)
        numbered = rows.append_column("rvbbit_ord", pa.array(range(1, rows.num_rows + 1), pa.int64()))
        return self.insert(
            f"INSERT INTO {_quoted(name)} SELECT * FROM rvbbit_returned", "rvbbit_returned", numbered
        )

    def drop(self, names: Sequence[str]) -> None:
        """Drop temporary tables, without a look at what else a client's DROP TABLE would drop."""
        with self._own_work():
            self._connection.execute("".join(f"DROP TABLE IF EXISTS temp.main.{_quoted(name)};" for name in names))

    @contextmanager
    def _own_work(self) -> Iterator[None]:
        """Use the connection for something of the proxy's, which can be cancelled."""
        self._release_connection()
        self._transactions.refuse_if_failed()
        self._start()
        try:
            yield
        except DRIVER_ERRORS as error:
            raise self._translate(error) from error
        finally:
            self._stop()

    def insert(self, sql: str, name: str, rows: pa.Table) -> int:
        """Run an INSERT that selects from Arrow rows under a name; return the number of rows inserted."""
        self._release_connection()
        self._transactions.refuse_if_failed()
        self._connection.register(name, rows)
        try:
            result = self.execute(sql)
        finally:
            with suppress(duckdb.TransactionException):  # aborted: the name goes with the transaction
                self._connection.unregister(name)
        return int(result.tag.rpartition(" ")[2])

    def copy_in(self, sql: str, command: CopyCommand) -> CopyIn:
        """Begin a COPY FROM STDIN, whose rows are inserted in bulk as they come."""
        return DuckDBCopyIn(self, self.insert, command)

    def transaction_status(self) -> TransactionStatus:
        """Tell the state as ReadyForQuery does."""
        return self._transactions.status

    # cancel and end

    def cancel(self) -> None:
        """Interrupt the running statement; without one, do nothing to the next."""
        with self._cancel_lock:
            if self._running:
                self._cancelled = True
                self._connection.interrupt()

    def close(self) -> None:
        """Drop the open result, roll back what is open, close the cursor; the database may be closed already."""
        self._stop()
        self._catalog.close()
        try:
            with ExitStack() as ends:
                ends.callback(self._transactions.abandon)
                if self._open is not None:
                    self._open.close()
        except DRIVER_ERRORS as error:
            log.debug("nothing to roll back at the end of a session: %s", error)
        self._connection.close()

    def _start(self) -> None:
        with self._cancel_lock:
            self._running, self._cancelled = True, False

    def _stop(self) -> None:
        with self._cancel_lock:
            self._running = False

    def _check_cancelled(self) -> None:
        if self._cancelled:
            raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")

    def _release_connection(self) -> None:
        if self._open is not None:
            self._open.detach()

    def _ended(self, result: DuckDBResult) -> None:
        if self._open is result:
            self._open = None
            self._stop()

    def _located(self, error: BaseException, sql: str) -> RvbbitError:
        """Translate a binder's error; DuckDB tells its position only where it describes, so ask again so."""
        fault = translate_error(error, sql)
        if fault.position is None:
            try:
                self._binder.describe(sql)
            except UpstreamError as again:
                if again.sqlstate == fault.sqlstate:
                    fault.position = again.position
            except DRIVER_ERRORS:
                pass  # the first error stands
        self._transactions.fail()
        return self._placed(fault, sql)

    def _translate(self, error: BaseException, sql: str = "") -> RvbbitError:
        self._transactions.fail()
        fault = translate_error(error, sql)
        self._health.note(fault, self._connection)
        if fault.sqlstate in VIOLATIONS:
            self._name_constraint(fault, read_fault(error).message, sql or self._statement.sql)
        return self._placed(fault, sql)

    def _name_constraint(self, fault: RvbbitError, said: str, sql: str) -> None:
        if not self._transactions.in_block:
            found = explain_violation(said, sql, self._connection)
        else:
            with closing(self._connection.cursor()) as cursor:  # the transaction answers nothing any more
                found = explain_violation(said, sql, cursor)
        if found is not None:
            fault.message, fault.fields = found.message, found.fields
            fault.detail = found.detail or fault.detail

    def _placed(self, fault: RvbbitError, sql: str = "") -> RvbbitError:
        """Return the fault without a position where DuckDB was given other text than the client's."""
        missing = missing_feature(sql) if fault.sqlstate == "42601" else None
        if missing is not None:
            return missing
        if self._statement.displaced:
            fault.position = None
        return fault

    def _warn(self, sqlstate: str, message: str) -> None:
        self._tell(Notice("WARNING", sqlstate, message))

    def _tell(self, notice: Notice) -> None:
        if self.on_notice is not None:
            self.on_notice(notice)


def explained(relation: duckdb.DuckDBPyRelation) -> DuckDBResult:
    """Return a plan as PostgreSQL shows one: a column QUERY PLAN, a row per line."""
    lines = [line for row in relation.fetchall() for line in str(row[-1]).splitlines()]
    table = pa.table({QUERY_PLAN.name: pa.array(lines, pa.string())})
    return DuckDBResult((QUERY_PLAN,), "EXPLAIN", table.to_reader(BATCH_ROWS))


def returns_rows(sql: str) -> bool:
    """Tell whether an INSERT, UPDATE, DELETE or MERGE has RETURNING.

    >>> returns_rows("INSERT INTO t VALUES ('returning')"), returns_rows("DELETE FROM t RETURNING a")
    (False, True)
    """
    return "returning" in words(sql)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
