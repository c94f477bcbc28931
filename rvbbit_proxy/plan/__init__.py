"""From a tree with operators to stages and one plain statement. Pure: it asks the upstream only to describe.

- ``plan``         Plan, Stage: what comes out
- ``lower``        the statement's kinds, and the scopes of a query from the inside out
- ``scope``        questions about one SELECT: its calls, conjuncts, names
- ``output_names`` the names PostgreSQL gives to SELECT items
- ``cte_names``    CTEs under names that nothing else has
- ``ctes``         CTEs that are read once, written where they are read
- ``pushdown``     conditions on derived tables, and columns of theirs that nobody reads
- ``unions``       the sides of set operations
- ``membership``   EXISTS, IN and correlated queries: only rows that belong to one around
- ``correlation``  columns of outer queries, written with their table
- ``hoist``        cutting a scope into an inner query that is kept and an outer one
- ``conditions``   conditions judged in waves
- ``guards``       when a call's value is needed at all
- ``staging``      the planning state: relations, input queries, lookups
- ``rules/``       one planner rule a file; ``rules.RULES`` is their order
- ``pairs``        operators over two sources: each side by itself
- ``returning``    operators over what a change returns
- ``joined``       lookups written as joins
- ``describable``  the same statement with typed NULLs for operators, for Describe
- ``estimate``     an upper bound of a stage's inputs, for EXPLAIN
"""
