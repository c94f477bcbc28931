"""Random statements run twice on the same upstream: by our planner, and with every operator a plain SQL function.

- ``truth``       the operators as pure functions: for the door in Python, for the naive evaluation in SQL
- ``pieces``      a piece of SQL in both spellings
- ``expressions`` random expressions over a scope's columns
- ``queries``     random SELECTs: sources, groups, set operations, CTEs
- ``statements``  random tables and whole statements: queries with order and limit, changes of tables
- ``both_ways``   the upstreams, one run of a statement each way, and the comparison

``make differential`` runs 5,000 statements on each upstream and prints what came out.
"""
