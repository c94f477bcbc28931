-- What a session's statements are told of this process where they ask for it: its sessions, its users, locks, the
-- session's parameters. Temporary tables, filled by `SessionCatalog`, read through the view of that name in schema `base`.

CREATE TEMP TABLE rvbbit_base_activity (
    pid INTEGER, usename VARCHAR, datname VARCHAR, application_name VARCHAR, client_addr VARCHAR, client_port INTEGER,
    backend_start TIMESTAMPTZ, xact_start TIMESTAMPTZ, query_start TIMESTAMPTZ, state_change TIMESTAMPTZ,
    state VARCHAR, query VARCHAR
);

CREATE TEMP TABLE rvbbit_base_locks (
    classid BIGINT, objid BIGINT, objsubid SMALLINT, pid INTEGER, mode VARCHAR, granted BOOLEAN, waitstart TIMESTAMPTZ
);

CREATE TEMP TABLE rvbbit_base_users (usename VARCHAR);

CREATE TEMP TABLE rvbbit_base_parameters (name VARCHAR, setting VARCHAR, short_desc VARCHAR);
