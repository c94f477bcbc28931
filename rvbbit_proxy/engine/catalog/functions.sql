-- PostgreSQL's functions that DuckDB lacks or gives other types. Catalog `rvbbit_fn` stands last in every session's search path
-- but before DuckDB's own functions, so statements find these without being rewritten; `system.main.*` is DuckDB's.
-- Overloads by type are of no use: DuckDB does not know the type of an argument that holds an aggregate or a window,
-- and takes the first overload that has a type, casting to it. Where the result's type is the same, `typeof` tells what
-- came: a CASE over it is decided before the statement runs. What is true of json's `@>` is true of lists, too.

-- numbers
CREATE MACRO rvbbit_fn.main."Σ"(x) AS sum(x), (x INTEGER) AS sum(x)::BIGINT, (x SMALLINT) AS sum(x)::BIGINT;
CREATE MACRO rvbbit_fn.main.gcd(x, y) AS system.main.gcd(x, y), (x INTEGER, y INTEGER) AS system.main.gcd(x, y)::INTEGER;
CREATE MACRO rvbbit_fn.main.lcm(x, y) AS system.main.lcm(x, y), (x INTEGER, y INTEGER) AS system.main.lcm(x, y)::INTEGER;
CREATE MACRO rvbbit_fn.main.div(x, y) AS trunc(x / y)::DECIMAL(38, 0);
CREATE MACRO rvbbit_fn.main.sqrt(x) AS
    CASE WHEN x < 0 THEN error('cannot take square root of a negative number') ELSE system.main.sqrt(x) END;
CREATE MACRO rvbbit_fn.main.ln(x) AS CASE WHEN x = 0 THEN error('cannot take logarithm of zero')
    WHEN x < 0 THEN error('cannot take logarithm of a negative number') ELSE system.main.ln(x) END;
CREATE MACRO rvbbit_fn.main."|/"(x) AS sqrt(x);
CREATE MACRO rvbbit_fn.main."||/"(x) AS cbrt(x);
CREATE MACRO rvbbit_fn.main.width_bucket(operand, low, high, buckets) AS
    CASE WHEN operand IS NULL OR low IS NULL OR high IS NULL THEN NULL
         WHEN low < high AND operand < low OR low > high AND operand > low THEN 0
         WHEN low < high AND operand >= high OR low > high AND operand <= high THEN buckets + 1
         ELSE (floor((operand - low)::DOUBLE * buckets / (high - low)::DOUBLE) + 1)::INTEGER END;
CREATE MACRO rvbbit_fn.main.num_nonnulls(a) AS len(list_filter([(a IS NOT NULL)], lambda held: held))::INTEGER,
    (a, b) AS len(list_filter([(a IS NOT NULL), (b IS NOT NULL)], lambda held: held))::INTEGER,
    (a, b, c) AS len(list_filter([(a IS NOT NULL), (b IS NOT NULL), (c IS NOT NULL)], lambda held: held))::INTEGER,
    (a, b, c, d) AS len(list_filter([(a IS NOT NULL), (b IS NOT NULL), (c IS NOT NULL), (d IS NOT NULL)], lambda held: held))::INTEGER,
    (a, b, c, d, e) AS len(list_filter([(a IS NOT NULL), (b IS NOT NULL), (c IS NOT NULL), (d IS NOT NULL), (e IS NOT NULL)], lambda held: held))::INTEGER,
    (a, b, c, d, e, f) AS len(list_filter([(a IS NOT NULL), (b IS NOT NULL), (c IS NOT NULL), (d IS NOT NULL), (e IS NOT NULL), (f IS NOT NULL)], lambda held: held))::INTEGER,
    (a, b, c, d, e, f, g) AS len(list_filter([(a IS NOT NULL), (b IS NOT NULL), (c IS NOT NULL), (d IS NOT NULL), (e IS NOT NULL), (f IS NOT NULL), (g IS NOT NULL)], lambda held: held))::INTEGER,
    (a, b, c, d, e, f, g, h) AS len(list_filter([(a IS NOT NULL), (b IS NOT NULL), (c IS NOT NULL), (d IS NOT NULL), (e IS NOT NULL), (f IS NOT NULL), (g IS NOT NULL), (h IS NOT NULL)], lambda held: held))::INTEGER;
CREATE MACRO rvbbit_fn.main.num_nulls(a) AS len(list_filter([(a IS NULL)], lambda held: held))::INTEGER,
    (a, b) AS len(list_filter([(a IS NULL), (b IS NULL)], lambda held: held))::INTEGER,
    (a, b, c) AS len(list_filter([(a IS NULL), (b IS NULL), (c IS NULL)], lambda held: held))::INTEGER,
    (a, b, c, d) AS len(list_filter([(a IS NULL), (b IS NULL), (c IS NULL), (d IS NULL)], lambda held: held))::INTEGER,
    (a, b, c, d, e) AS len(list_filter([(a IS NULL), (b IS NULL), (c IS NULL), (d IS NULL), (e IS NULL)], lambda held: held))::INTEGER,
    (a, b, c, d, e, f) AS len(list_filter([(a IS NULL), (b IS NULL), (c IS NULL), (d IS NULL), (e IS NULL), (f IS NULL)], lambda held: held))::INTEGER,
    (a, b, c, d, e, f, g) AS len(list_filter([(a IS NULL), (b IS NULL), (c IS NULL), (d IS NULL), (e IS NULL), (f IS NULL), (g IS NULL)], lambda held: held))::INTEGER,
    (a, b, c, d, e, f, g, h) AS len(list_filter([(a IS NULL), (b IS NULL), (c IS NULL), (d IS NULL), (e IS NULL), (f IS NULL), (g IS NULL), (h IS NULL)], lambda held: held))::INTEGER;
CREATE MACRO rvbbit_fn.main.to_hex(x) AS lower(system.main.to_hex(x));
CREATE MACRO rvbbit_fn.main.scale(x) AS length(split_part(x::VARCHAR, '.', 2));
CREATE MACRO rvbbit_fn.main.min_scale(x) AS length(rtrim(split_part(x::VARCHAR, '.', 2), '0'));
CREATE MACRO rvbbit_fn.main.trim_scale(x) AS x;

-- text
CREATE MACRO rvbbit_fn.main."~~"(x, pattern) AS
    CASE WHEN contains(pattern, '\') THEN like_escape(x, pattern, '\') ELSE system.main."~~"(x, pattern) END;
CREATE MACRO rvbbit_fn.main."!~~"(x, pattern) AS
    CASE WHEN contains(pattern, '\') THEN not_like_escape(x, pattern, '\') ELSE system.main."!~~"(x, pattern) END;
CREATE MACRO rvbbit_fn.main."~~*"(x, pattern) AS
    CASE WHEN contains(pattern, '\') THEN ilike_escape(x, pattern, '\') ELSE system.main."~~*"(x, pattern) END;
CREATE MACRO rvbbit_fn.main."!~~*"(x, pattern) AS
    CASE WHEN contains(pattern, '\') THEN not_ilike_escape(x, pattern, '\') ELSE system.main."!~~*"(x, pattern) END;
CREATE MACRO rvbbit_fn.main.sign(x) AS system.main.sign(x)::DOUBLE;
CREATE MACRO rvbbit_fn.main.length(x) AS CASE typeof(x) WHEN 'VARCHAR' THEN system.main.length(x::VARCHAR)
    WHEN 'BLOB' THEN system.main.octet_length(TRY_CAST(x AS BLOB))
    ELSE CASE WHEN ends_with(typeof(x), ']') THEN len(TRY_CAST(x AS VARCHAR[])) ELSE system.main.length(x::VARCHAR) END END::INTEGER;
CREATE MACRO rvbbit_fn.main.octet_length(x) AS
    CASE typeof(x) WHEN 'BLOB' THEN system.main.octet_length(TRY_CAST(x AS BLOB)) ELSE strlen(x::VARCHAR) END::INTEGER;
CREATE MACRO rvbbit_fn.main.char_length(x) AS system.main.char_length(x)::INTEGER;
CREATE MACRO rvbbit_fn.main.character_length(x) AS system.main.char_length(x)::INTEGER;
CREATE MACRO rvbbit_fn.main.bit_length(x) AS octet_length(x) * 8;
CREATE MACRO rvbbit_fn.main.strpos(x, part) AS system.main.strpos(x, part)::INTEGER;
CREATE MACRO rvbbit_fn.main."position"(x, part) AS system.main.strpos(x, part)::INTEGER;
CREATE MACRO rvbbit_fn.main.btrim(x) AS trim(x), (x, chars) AS trim(x, chars);
CREATE MACRO rvbbit_fn.main.lpad(x, size) AS system.main.lpad(x, size, ' '), (x, size, fill) AS system.main.lpad(x, size, fill);
CREATE MACRO rvbbit_fn.main.rpad(x, size) AS system.main.rpad(x, size, ' '), (x, size, fill) AS system.main.rpad(x, size, fill);
CREATE MACRO rvbbit_fn.main.initcap(x) AS array_to_string(list_transform(
    regexp_extract_all(x, '[\pL\pN]+|[^\pL\pN]+'), lambda word: upper(word[1]) || lower(word[2:])), '');
CREATE MACRO rvbbit_fn.main.normalize(x) AS nfc_normalize(x);
CREATE MACRO rvbbit_fn.main.encode(x) AS system.main.encode(x),
    (x, format) AS CASE lower(format) WHEN 'hex' THEN lower(hex(x))
        WHEN 'base64' THEN rtrim(system.main.regexp_replace(to_base64(x), '(.{76})', E'\\1\n', 'g'), E'\n')
        WHEN 'escape' THEN replace(decode(x), '\', '\\')
        ELSE error('unrecognized encoding: "' || format || '"') END;
CREATE MACRO rvbbit_fn.main.decode(x) AS system.main.decode(x),
    (x, format) AS CASE lower(format) WHEN 'hex' THEN unhex(x) WHEN 'base64' THEN from_base64(replace(x, E'\n', ''))
        WHEN 'escape' THEN system.main.encode(replace(x, '\\', '\'))
        ELSE error('unrecognized encoding: "' || format || '"')::BLOB END;
CREATE MACRO rvbbit_fn.main.convert_from(x, encoding) AS system.main.decode(x);
CREATE MACRO rvbbit_fn.main.convert_to(x, encoding) AS system.main.encode(x);
CREATE MACRO rvbbit_fn.main.sha256(x) AS system.main.unhex(system.main.sha256(x));
CREATE MACRO rvbbit_fn.main.quote_literal(x) AS
    CASE WHEN contains(x::VARCHAR, '\') THEN 'E' ELSE '' END
    || '''' || replace(replace(x::VARCHAR, '''', ''''''), '\', '\\') || '''';
CREATE MACRO rvbbit_fn.main.quote_nullable(x) AS coalesce(quote_literal(x), 'NULL');
CREATE MACRO rvbbit_fn.main.string_to_array(x, separator) AS
    CASE WHEN separator IS NULL THEN string_split(x, '') WHEN x = '' THEN [] ELSE string_split(x, separator) END,
    (x, separator, missing) AS list_transform(string_to_array(x, separator), lambda part: nullif(part, missing));
CREATE MACRO rvbbit_fn.main.array_to_string(items, separator) AS system.main.array_to_string(items, separator),
    (items, separator, missing) AS system.main.array_to_string(
        list_transform(items, lambda part: coalesce(part::VARCHAR, missing)), separator);
CREATE MACRO rvbbit_fn.main.regexp_like(x, pattern) AS system.main.regexp_matches(x, pattern),
    (x, pattern, flags) AS system.main.regexp_matches(x, pattern, flags);
CREATE MACRO rvbbit_fn.base.pattern(pattern, flags) AS '(?' || CASE WHEN contains(flags, 'n') OR contains(flags, 'm') THEN 'm' ELSE 's' END
    || CASE WHEN contains(flags, 'i') THEN 'i' ELSE '' END || ')' || system.main.regexp_replace(pattern, '\\[mMy]', '\\b', 'g');
CREATE MACRO rvbbit_fn.main.regexp_count(x, pattern) AS len(regexp_extract_all(x, rvbbit_fn.base.pattern(pattern, '')))::INTEGER,
    (x, pattern, start) AS len(regexp_extract_all(substr(x, start), rvbbit_fn.base.pattern(pattern, '')))::INTEGER,
    (x, pattern, start, flags) AS len(regexp_extract_all(substr(x, start), rvbbit_fn.base.pattern(pattern, flags)))::INTEGER;
CREATE MACRO rvbbit_fn.main.regexp_substr(x, pattern) AS nullif(regexp_extract(x, rvbbit_fn.base.pattern(pattern, '')), ''),
    (x, pattern, start) AS nullif(regexp_extract(substr(x, start), rvbbit_fn.base.pattern(pattern, '')), ''),
    (x, pattern, start, n) AS regexp_extract_all(substr(x, start), rvbbit_fn.base.pattern(pattern, ''))[n],
    (x, pattern, start, n, flags) AS regexp_extract_all(substr(x, start), rvbbit_fn.base.pattern(pattern, flags))[n],
    (x, pattern, start, n, flags, part) AS regexp_extract_all(substr(x, start), rvbbit_fn.base.pattern(pattern, flags), part)[n];
CREATE MACRO rvbbit_fn.main.regexp_instr(x, pattern) AS
    CASE WHEN system.main.regexp_matches(x, pattern) THEN strpos(x, regexp_extract(x, pattern)) ELSE 0 END,
    (x, pattern, start) AS CASE WHEN system.main.regexp_matches(substr(x, start), pattern)
        THEN start - 1 + strpos(substr(x, start), regexp_extract(substr(x, start), pattern)) ELSE 0 END;
CREATE MACRO rvbbit_fn.main.regexp_replace(x, pattern, new) AS
    system.main.regexp_replace(x, rvbbit_fn.base.pattern(pattern, ''), replace(new, '\&', '\0')),
    (x, pattern, new, flags) AS system.main.regexp_replace(
        x, rvbbit_fn.base.pattern(pattern, flags), replace(new, '\&', '\0'), translate(flags, 'nmpqsx', ''));
CREATE MACRO rvbbit_fn.main.regexp_split_to_array(x, pattern) AS string_split_regex(x, rvbbit_fn.base.pattern(pattern, '')),
    (x, pattern, flags) AS string_split_regex(x, rvbbit_fn.base.pattern(pattern, flags));

-- names of constraints: see `foreign_keys.py` for the mark behind a table's comment, `duckdb_tables.py` for named checks
CREATE MACRO rvbbit_fn.base.constraints_mark(comment) AS
    nullif(regexp_extract(comment, '\[constraints (\{.*\})\]$', 1, 's'), '');
CREATE MACRO rvbbit_fn.base.check_name(expression) AS nullif(replace(regexp_extract(expression,
    '^CASE +WHEN \(\(''constraint ((?:[^'']|'''')*)'' IS NOT NULL\)\) THEN ', 1), '''''', ''''), '');
CREATE MACRO rvbbit_fn.base.check_text(expression) AS system.main.regexp_replace(expression,
    '^CASE +WHEN \(\(''constraint (?:[^'']|'''')*'' IS NOT NULL\)\) THEN \((.*)\) ELSE NULL END$', '\1', 's');
CREATE MACRO rvbbit_fn.base.constraint_name(kind, table_name, column_names, own_name, expression, comment) AS
    CASE kind WHEN 'PRIMARY KEY' THEN coalesce(
                  json_extract_string(rvbbit_fn.base.constraints_mark(comment), '$.primary'), table_name || '_pkey')
              WHEN 'FOREIGN KEY' THEN table_name || '_' || array_to_string(column_names, '_') || '_fkey'
              WHEN 'CHECK' THEN coalesce(rvbbit_fn.base.check_name(expression), own_name)
              ELSE own_name END;
CREATE MACRO rvbbit_fn.base.regexp_groups(pattern) AS
    len(regexp_extract_all(replace(replace(pattern, '\\', ''), '\(', ''), '\((?:[^?]|$)'));
CREATE MACRO rvbbit_fn.base.regexp_groups_of(x, pattern) AS CASE WHEN system.main.regexp_matches(x, pattern) THEN
    CASE rvbbit_fn.base.regexp_groups(pattern)
        WHEN 0 THEN [regexp_extract(x, pattern)]
        WHEN 1 THEN [regexp_extract(x, pattern, 1)]
        WHEN 2 THEN [regexp_extract(x, pattern, 1), regexp_extract(x, pattern, 2)]
        WHEN 3 THEN [regexp_extract(x, pattern, 1), regexp_extract(x, pattern, 2), regexp_extract(x, pattern, 3)]
        WHEN 4 THEN [regexp_extract(x, pattern, 1), regexp_extract(x, pattern, 2), regexp_extract(x, pattern, 3),
                     regexp_extract(x, pattern, 4)]
        ELSE error('regexp_match() takes at most 4 groups here') END END;
CREATE MACRO rvbbit_fn.main.regexp_match(x, pattern) AS rvbbit_fn.base.regexp_groups_of(x, rvbbit_fn.base.pattern(pattern, '')),
    (x, pattern, flags) AS rvbbit_fn.base.regexp_groups_of(x, rvbbit_fn.base.pattern(pattern, flags));
CREATE MACRO rvbbit_fn.base.regexp_first(x, pattern, flags) AS CASE WHEN system.main.regexp_matches(x, rvbbit_fn.base.pattern(pattern, flags))
    THEN [rvbbit_fn.base.regexp_groups_of(x, rvbbit_fn.base.pattern(pattern, flags))] ELSE [] END;
CREATE MACRO rvbbit_fn.base.regexp_found(x, pattern, count) AS CASE count
    WHEN 0 THEN list_transform(regexp_extract_all(x, pattern), lambda found: [found])
    WHEN 1 THEN list_transform(regexp_extract_all(x, pattern, 1), lambda found: [found])
    WHEN 2 THEN list_transform(regexp_extract_all(x, pattern), lambda found, place: [regexp_extract_all(x, pattern, 1)[place],
        regexp_extract_all(x, pattern, 2)[place]])
    WHEN 3 THEN list_transform(regexp_extract_all(x, pattern), lambda found, place: [regexp_extract_all(x, pattern, 1)[place],
        regexp_extract_all(x, pattern, 2)[place], regexp_extract_all(x, pattern, 3)[place]])
    ELSE error('regexp_matches() of all matches takes at most three groups here') END;
CREATE MACRO rvbbit_fn.base.regexp_all(x, pattern, flags) AS rvbbit_fn.base.regexp_found(
    x, rvbbit_fn.base.pattern(pattern, flags), rvbbit_fn.base.regexp_groups(pattern));
CREATE MACRO rvbbit_fn.main.regexp_split_to_table(x, pattern) AS unnest(regexp_split_to_array(x, pattern)),
    (x, pattern, flags) AS unnest(regexp_split_to_array(x, pattern, flags));
CREATE MACRO rvbbit_fn.main.regexp_split_to_table(x, pattern) AS TABLE
    SELECT unnest(string_split_regex(x, pattern)) AS regexp_split_to_table;
CREATE MACRO rvbbit_fn.main.string_to_table(x, separator) AS unnest(string_to_array(x, separator));
CREATE MACRO rvbbit_fn.main.string_to_table(x, separator) AS TABLE
    SELECT unnest(string_split(x, separator)) AS string_to_table;
CREATE MACRO rvbbit_fn.base.similar_pattern(pattern) AS
    replace(replace(system.main.regexp_replace(pattern, '([.^$\\])', '\\\1', 'g'), '%', '.*'), '_', '.');
CREATE MACRO rvbbit_fn.main.similar_to(x, pattern) AS regexp_full_match(x, rvbbit_fn.base.similar_pattern(pattern));

-- dates and times
CREATE MACRO rvbbit_fn.main.date_trunc(field, x) AS system.main.date_trunc(field, x),
    (field, x, zone) AS timezone(zone, system.main.date_trunc(field, timezone(zone, x)));
CREATE MACRO rvbbit_fn.main.clock_timestamp() AS get_current_timestamp();
CREATE MACRO rvbbit_fn.main.statement_timestamp() AS now();
CREATE MACRO rvbbit_fn.main.timeofday() AS strftime(get_current_timestamp(), '%a %b %d %H:%M:%S.%f %Y %Z');
CREATE MACRO rvbbit_fn.main.uuid_generate_v4() AS uuid();
CREATE MACRO rvbbit_fn.main.date_bin(stride, x, origin) AS time_bucket(stride::INTERVAL, x, origin);
CREATE MACRO rvbbit_fn.main.make_interval(years := 0, months := 0, weeks := 0, days := 0, hours := 0, mins := 0, secs := 0) AS
    to_years(years) + to_months(months) + to_weeks(weeks) + to_days(days) + to_hours(hours) + to_minutes(mins)
    + to_microseconds((secs * 1000000)::BIGINT);
CREATE MACRO rvbbit_fn.main.justify_days(x) AS
    to_months(datepart('year', x) * 12 + datepart('month', x) + datepart('day', x) // 30)
    + to_days((datepart('day', x) % 30)::INTEGER) + to_microseconds(rvbbit_fn.base.time_part(x));
CREATE MACRO rvbbit_fn.base.time_part(x) AS
    datepart('hour', x) * 3600000000 + datepart('minute', x) * 60000000 + datepart('microsecond', x);
CREATE MACRO rvbbit_fn.main.justify_hours(x) AS
    to_months(datepart('year', x) * 12 + datepart('month', x))
    + to_days((datepart('day', x) + rvbbit_fn.base.time_part(x) // 86400000000)::INTEGER)
    + to_microseconds(rvbbit_fn.base.time_part(x) % 86400000000);
CREATE MACRO rvbbit_fn.base.interval_of(microseconds) AS
    to_months((microseconds // 2592000000000)::INTEGER)
    + to_days(((microseconds % 2592000000000) // 86400000000)::INTEGER)
    + to_microseconds((microseconds % 86400000000)::BIGINT);
CREATE MACRO rvbbit_fn.main.justify_interval(x) AS rvbbit_fn.base.interval_of(
    (datepart('year', x) * 12 + datepart('month', x)) * 2592000000000 + datepart('day', x) * 86400000000
    + rvbbit_fn.base.time_part(x));
CREATE MACRO rvbbit_fn.base.series(first, last) AS generate_series(first, last),
    (first INTEGER, last INTEGER) AS generate_series(first, last)::INTEGER[],
    (first, last, step) AS generate_series(first, last, step),
    (first INTEGER, last INTEGER, step INTEGER) AS generate_series(first, last, step)::INTEGER[],
    (first DATE, last DATE, step) AS generate_series(first, last, step::INTERVAL)::TIMESTAMPTZ[];
CREATE MACRO rvbbit_fn.base.counted(number, first, last) AS number,
    (number, first INTEGER, last INTEGER) AS number::INTEGER;

-- what to_char() puts together
CREATE MACRO rvbbit_fn.base.ordinal_end(x) AS CASE WHEN right(lpad(x, 2, '0'), 2) BETWEEN '11' AND '13' THEN 'th'
    WHEN right(x, 1) = '1' THEN 'st' WHEN right(x, 1) = '2' THEN 'nd' WHEN right(x, 1) = '3' THEN 'rd' ELSE 'th' END;
CREATE MACRO rvbbit_fn.base.ordinal(x, letters) AS x || CASE WHEN letters = 'TH' THEN upper(rvbbit_fn.base.ordinal_end(x))
    ELSE rvbbit_fn.base.ordinal_end(x) END;
CREATE MACRO rvbbit_fn.base.padded(x, size) AS CASE WHEN x < 0 THEN '-' ELSE '' END
    || lpad(abs(x)::BIGINT::VARCHAR, greatest(size, system.main.length(abs(x)::BIGINT::VARCHAR))::INTEGER, '0');
CREATE MACRO rvbbit_fn.base.laid_out(digits, size, zeros) AS CASE WHEN system.main.length(digits) > size THEN repeat('#', size)
    ELSE lpad(lpad(digits, greatest(zeros, system.main.length(digits))::INTEGER, '0'), size, ' ') END;
CREATE MACRO rvbbit_fn.main.to_number(x, template) AS CASE WHEN template IS NOT NULL THEN
    (CASE WHEN system.main.regexp_matches(x, '[-<]') THEN '-' ELSE '' END
     || system.main.regexp_replace(x, '[^0-9.]', '', 'g'))::DECIMAL(38, 10) END;

-- arrays
CREATE MACRO rvbbit_fn.main.array_length(items) AS system.main.len(items)::INTEGER,
    (items, dimension) AS CASE WHEN dimension = 1 THEN nullif(system.main.len(items), 0)::INTEGER
        WHEN dimension > 1 THEN system.main.array_length(items, dimension)::INTEGER END;
CREATE MACRO rvbbit_fn.main.array_upper(items, dimension) AS array_length(items, dimension);
CREATE MACRO rvbbit_fn.main.array_lower(items, dimension) AS CASE WHEN array_length(items, dimension) > 0 THEN 1 END;
CREATE MACRO rvbbit_fn.main.cardinality(items) AS CASE WHEN items IS NOT NULL THEN system.main.len(flatten([items])) END::INTEGER;
CREATE MACRO rvbbit_fn.main.array_ndims(items) AS CASE WHEN len(items) > 0 THEN 1 END;
CREATE MACRO rvbbit_fn.main.array_dims(items) AS CASE WHEN len(items) > 0 THEN '[1:' || len(items) || ']' END;
CREATE MACRO rvbbit_fn.main.array_remove(items, item) AS list_filter(items, lambda other: other IS DISTINCT FROM item);
CREATE MACRO rvbbit_fn.main.array_replace(items, old, new) AS
    list_transform(items, lambda other: CASE WHEN other IS NOT DISTINCT FROM old THEN new ELSE other END);
CREATE MACRO rvbbit_fn.main.array_positions(items, item) AS list_filter(
    list_transform(items, lambda other, place: CASE WHEN other IS NOT DISTINCT FROM item THEN place::INTEGER END),
    lambda place: place IS NOT NULL);
CREATE MACRO rvbbit_fn.main.trim_array(items, count) AS items[1:len(items) - count];
CREATE MACRO rvbbit_fn.main.array_fill(item, sizes) AS list_transform(range(sizes[1]), lambda place: item);

-- json
CREATE MACRO rvbbit_fn.main."@>"(x JSON, y JSON) AS json_contains(x, y), (x, y) AS system.main."@>"(x, y);
CREATE MACRO rvbbit_fn.main."<@"(x JSON, y JSON) AS json_contains(y, x), (x, y) AS system.main."<@"(x, y);
CREATE MACRO rvbbit_fn.main.to_jsonb(x) AS to_json(x);
CREATE MACRO rvbbit_fn.base.json_type_name(x) AS
    CASE system.main.json_type(x) WHEN 'OBJECT' THEN 'object' WHEN 'ARRAY' THEN 'array' WHEN 'VARCHAR' THEN 'string'
         WHEN 'BOOLEAN' THEN 'boolean' WHEN 'NULL' THEN 'null' WHEN NULL THEN NULL ELSE 'number' END;
CREATE MACRO rvbbit_fn.main.json_typeof(x) AS CASE WHEN x IS NOT NULL THEN rvbbit_fn.base.json_type_name(x) END;
CREATE MACRO rvbbit_fn.main.jsonb_typeof(x) AS CASE WHEN x IS NOT NULL THEN rvbbit_fn.base.json_type_name(x) END;
CREATE MACRO rvbbit_fn.main.json_array_length(x) AS system.main.json_array_length(x)::INTEGER,
    (x, path) AS system.main.json_array_length(x, path);
CREATE MACRO rvbbit_fn.main.jsonb_array_length(x) AS system.main.json_array_length(x)::INTEGER;
CREATE MACRO rvbbit_fn.base.json_path(steps) AS '$' || coalesce(array_to_string(list_transform(steps,
    lambda step: CASE WHEN regexp_full_match(step, '\d+') THEN '[' || step || ']' ELSE '."' || step || '"' END), ''), '');
CREATE MACRO rvbbit_fn.base.json_at(x, steps) AS coalesce(
    json_extract(x, rvbbit_fn.base.json_path(steps)),
    json_extract(x, '$' || array_to_string(list_transform(steps, lambda step: '."' || step || '"'), '')));
CREATE MACRO rvbbit_fn.base.json_text_at(x, steps) AS coalesce(
    json_extract_string(x, rvbbit_fn.base.json_path(steps)),
    json_extract_string(x, '$' || array_to_string(list_transform(steps, lambda step: '."' || step || '"'), '')));
CREATE MACRO rvbbit_fn.base.json_delete(x, steps) AS json_remove(x, rvbbit_fn.base.json_path(steps));
CREATE MACRO rvbbit_fn.base.json_delete_item(x, place) AS
    json_remove(x, '$[' || CASE WHEN place < 0 THEN '#' ELSE '' END || place::VARCHAR || ']');
CREATE MACRO rvbbit_fn.base.json_members(x) AS CASE system.main.json_type(x)
    WHEN 'OBJECT' THEN list_transform(json_keys(x), lambda key: to_json(key)::VARCHAR || ':'
        || json_extract(x, '$."' || key || '"')::VARCHAR)
    WHEN 'ARRAY' THEN list_transform(json_extract(x::JSON, '$[*]')::JSON[], lambda item: item::VARCHAR)
    ELSE [x::VARCHAR] END;
CREATE MACRO rvbbit_fn.base.json_without(x, keys) AS list_transform(
    list_filter(json_keys(x), lambda key: NOT list_contains(keys, key)),
    lambda key: to_json(key)::VARCHAR || ':' || json_extract(x, '$."' || key || '"')::VARCHAR);
CREATE MACRO rvbbit_fn.base.json_concat(x, y) AS CASE
    WHEN x IS NULL OR y IS NULL THEN NULL
    WHEN system.main.json_type(x) = 'OBJECT' AND system.main.json_type(y) = 'OBJECT' THEN ('{' || system.main.array_to_string(
        list_concat(rvbbit_fn.base.json_without(x, json_keys(y)), rvbbit_fn.base.json_members(y)), ',') || '}')::JSON
    ELSE ('[' || system.main.array_to_string(list_concat(
        CASE system.main.json_type(x) WHEN 'OBJECT' THEN [x::VARCHAR] ELSE rvbbit_fn.base.json_members(x) END,
        CASE system.main.json_type(y) WHEN 'OBJECT' THEN [y::VARCHAR] ELSE rvbbit_fn.base.json_members(y) END), ',') || ']')::JSON END;
CREATE MACRO rvbbit_fn.base.json_parent(x, steps) AS json_extract(x, rvbbit_fn.base.json_path(steps[:-2]));
CREATE MACRO rvbbit_fn.base.jsonb_set(x, steps, item, make_missing) AS CASE
        WHEN x IS NULL OR steps IS NULL OR item IS NULL OR make_missing IS NULL THEN NULL
        WHEN json_exists(x, rvbbit_fn.base.json_path(steps)) OR (make_missing
             AND system.main.json_type(rvbbit_fn.base.json_parent(x, steps)) = 'OBJECT')
        THEN json_set(x, rvbbit_fn.base.json_path(steps), item)
        WHEN make_missing AND system.main.json_type(rvbbit_fn.base.json_parent(x, steps)) = 'ARRAY'
        THEN json_set(x, rvbbit_fn.base.json_path(steps[:-2]), ('[' || system.main.array_to_string(list_append(
             rvbbit_fn.base.json_members(rvbbit_fn.base.json_parent(x, steps)), item::VARCHAR), ',') || ']')::JSON)
        ELSE x END;
CREATE MACRO rvbbit_fn.base.json_spliced(items, place, item) AS ('[' || system.main.array_to_string(
    list_concat(list_append(items[:place], item), items[place + 1:]), ',') || ']')::JSON;
CREATE MACRO rvbbit_fn.base.jsonb_insert(x, steps, item, is_after) AS CASE
        WHEN x IS NULL OR steps IS NULL OR item IS NULL OR is_after IS NULL THEN NULL
        WHEN system.main.json_type(rvbbit_fn.base.json_parent(x, steps)) = 'ARRAY'
        THEN json_set(x, rvbbit_fn.base.json_path(steps[:-2]), rvbbit_fn.base.json_spliced(
             rvbbit_fn.base.json_members(rvbbit_fn.base.json_parent(x, steps)),
             TRY_CAST(steps[-1] AS INTEGER) + is_after::INTEGER, item::VARCHAR))
        WHEN json_exists(x, rvbbit_fn.base.json_path(steps)) THEN error('cannot replace existing key')
        ELSE json_set(x, rvbbit_fn.base.json_path(steps), item) END;
CREATE MACRO rvbbit_fn.main.json_extract_path(x, a) AS rvbbit_fn.base.json_at(x, [a]),
    (x, a, b) AS rvbbit_fn.base.json_at(x, [a, b]), (x, a, b, c) AS rvbbit_fn.base.json_at(x, [a, b, c]);
CREATE MACRO rvbbit_fn.main.json_extract_path_text(x, a) AS rvbbit_fn.base.json_text_at(x, [a]),
    (x, a, b) AS rvbbit_fn.base.json_text_at(x, [a, b]), (x, a, b, c) AS rvbbit_fn.base.json_text_at(x, [a, b, c]);
CREATE MACRO rvbbit_fn.main.jsonb_extract_path(x, a) AS rvbbit_fn.base.json_at(x, [a]),
    (x, a, b) AS rvbbit_fn.base.json_at(x, [a, b]), (x, a, b, c) AS rvbbit_fn.base.json_at(x, [a, b, c]);
CREATE MACRO rvbbit_fn.main.jsonb_extract_path_text(x, a) AS rvbbit_fn.base.json_text_at(x, [a]),
    (x, a, b) AS rvbbit_fn.base.json_text_at(x, [a, b]), (x, a, b, c) AS rvbbit_fn.base.json_text_at(x, [a, b, c]);
CREATE MACRO rvbbit_fn.main.jsonb_path_query_first(x, path) AS json_extract(x, path);
CREATE MACRO rvbbit_fn.main.jsonb_path_exists(x, path) AS json_exists(x, path);
CREATE MACRO rvbbit_fn.main.json_strip_nulls(x) AS json_merge_patch('{}', x);
CREATE MACRO rvbbit_fn.main.jsonb_strip_nulls(x) AS json_merge_patch('{}', x);
CREATE MACRO rvbbit_fn.main.jsonb_pretty(x) AS json_pretty(x);
CREATE MACRO rvbbit_fn.base.json_items(x) AS json_extract(x, '$[*]');
CREATE MACRO rvbbit_fn.base.json_item_texts(x) AS json_extract_string(x, '$[*]');
CREATE MACRO rvbbit_fn.base.json_names(x) AS json_keys(x);
CREATE MACRO rvbbit_fn.base.json_values(x) AS json_extract(x, '$.*');
CREATE MACRO rvbbit_fn.base.json_value_texts(x) AS json_extract_string(x, '$.*');
CREATE MACRO rvbbit_fn.main.json_object_keys(x) AS unnest(json_keys(x));
CREATE MACRO rvbbit_fn.main.jsonb_object_keys(x) AS unnest(json_keys(x));
CREATE MACRO rvbbit_fn.main.json_array_elements(x) AS unnest(json_extract(x, '$[*]'));
CREATE MACRO rvbbit_fn.main.jsonb_array_elements(x) AS unnest(json_extract(x, '$[*]'));
CREATE MACRO rvbbit_fn.main.json_array_elements_text(x) AS unnest(json_extract_string(x, '$[*]'));
CREATE MACRO rvbbit_fn.main.jsonb_array_elements_text(x) AS unnest(json_extract_string(x, '$[*]'));
CREATE MACRO rvbbit_fn.main.json_object_keys(x) AS TABLE SELECT unnest(json_keys(x)) AS json_object_keys;
CREATE MACRO rvbbit_fn.main.jsonb_object_keys(x) AS TABLE SELECT unnest(json_keys(x)) AS jsonb_object_keys;
CREATE MACRO rvbbit_fn.main.json_array_elements(x) AS TABLE SELECT unnest(json_extract(x, '$[*]')) AS value;
CREATE MACRO rvbbit_fn.main.jsonb_array_elements(x) AS TABLE SELECT unnest(json_extract(x, '$[*]')) AS value;
CREATE MACRO rvbbit_fn.main.json_array_elements_text(x) AS TABLE SELECT unnest(json_extract_string(x, '$[*]')) AS value;
CREATE MACRO rvbbit_fn.main.jsonb_array_elements_text(x) AS TABLE SELECT unnest(json_extract_string(x, '$[*]')) AS value;
CREATE MACRO rvbbit_fn.main.json_each(x) AS TABLE SELECT unnest(json_keys(x)) AS key, unnest(json_extract(x, '$.*')) AS value;
CREATE MACRO rvbbit_fn.main.jsonb_each(x) AS TABLE SELECT unnest(json_keys(x)) AS key, unnest(json_extract(x, '$.*')) AS value;
CREATE MACRO rvbbit_fn.main.json_each_text(x) AS TABLE
    SELECT unnest(json_keys(x)) AS key, unnest(json_extract_string(x, '$.*')) AS value;
CREATE MACRO rvbbit_fn.main.jsonb_each_text(x) AS TABLE
    SELECT unnest(json_keys(x)) AS key, unnest(json_extract_string(x, '$.*')) AS value;
CREATE MACRO rvbbit_fn.main.json_build_array() AS json_array(), (a) AS json_array(a), (a, b) AS json_array(a, b),
    (a, b, c) AS json_array(a, b, c), (a, b, c, d) AS json_array(a, b, c, d);
CREATE MACRO rvbbit_fn.main.jsonb_build_array() AS json_array(), (a) AS json_array(a), (a, b) AS json_array(a, b),
    (a, b, c) AS json_array(a, b, c), (a, b, c, d) AS json_array(a, b, c, d);
CREATE MACRO rvbbit_fn.main.json_build_object() AS json_object(),
    (k1, v1) AS json_object(k1::VARCHAR, v1),
    (k1, v1, k2, v2) AS json_object(k1::VARCHAR, v1, k2::VARCHAR, v2),
    (k1, v1, k2, v2, k3, v3) AS json_object(k1::VARCHAR, v1, k2::VARCHAR, v2, k3::VARCHAR, v3),
    (k1, v1, k2, v2, k3, v3, k4, v4) AS json_object(k1::VARCHAR, v1, k2::VARCHAR, v2, k3::VARCHAR, v3, k4::VARCHAR, v4),
    (k1, v1, k2, v2, k3, v3, k4, v4, k5, v5) AS json_object(k1::VARCHAR, v1, k2::VARCHAR, v2, k3::VARCHAR, v3, k4::VARCHAR, v4, k5::VARCHAR, v5),
    (k1, v1, k2, v2, k3, v3, k4, v4, k5, v5, k6, v6) AS json_object(k1::VARCHAR, v1, k2::VARCHAR, v2, k3::VARCHAR, v3, k4::VARCHAR, v4, k5::VARCHAR, v5, k6::VARCHAR, v6),
    (k1, v1, k2, v2, k3, v3, k4, v4, k5, v5, k6, v6, k7, v7) AS json_object(k1::VARCHAR, v1, k2::VARCHAR, v2, k3::VARCHAR, v3, k4::VARCHAR, v4, k5::VARCHAR, v5, k6::VARCHAR, v6, k7::VARCHAR, v7),
    (k1, v1, k2, v2, k3, v3, k4, v4, k5, v5, k6, v6, k7, v7, k8, v8) AS json_object(k1::VARCHAR, v1, k2::VARCHAR, v2, k3::VARCHAR, v3, k4::VARCHAR, v4, k5::VARCHAR, v5, k6::VARCHAR, v6, k7::VARCHAR, v7, k8::VARCHAR, v8);
CREATE MACRO rvbbit_fn.main.jsonb_build_object() AS json_object(),
    (k1, v1) AS json_object(k1::VARCHAR, v1),
    (k1, v1, k2, v2) AS json_object(k1::VARCHAR, v1, k2::VARCHAR, v2),
    (k1, v1, k2, v2, k3, v3) AS json_object(k1::VARCHAR, v1, k2::VARCHAR, v2, k3::VARCHAR, v3),
    (k1, v1, k2, v2, k3, v3, k4, v4) AS json_object(k1::VARCHAR, v1, k2::VARCHAR, v2, k3::VARCHAR, v3, k4::VARCHAR, v4),
    (k1, v1, k2, v2, k3, v3, k4, v4, k5, v5) AS json_object(k1::VARCHAR, v1, k2::VARCHAR, v2, k3::VARCHAR, v3, k4::VARCHAR, v4, k5::VARCHAR, v5),
    (k1, v1, k2, v2, k3, v3, k4, v4, k5, v5, k6, v6) AS json_object(k1::VARCHAR, v1, k2::VARCHAR, v2, k3::VARCHAR, v3, k4::VARCHAR, v4, k5::VARCHAR, v5, k6::VARCHAR, v6),
    (k1, v1, k2, v2, k3, v3, k4, v4, k5, v5, k6, v6, k7, v7) AS json_object(k1::VARCHAR, v1, k2::VARCHAR, v2, k3::VARCHAR, v3, k4::VARCHAR, v4, k5::VARCHAR, v5, k6::VARCHAR, v6, k7::VARCHAR, v7),
    (k1, v1, k2, v2, k3, v3, k4, v4, k5, v5, k6, v6, k7, v7, k8, v8) AS json_object(k1::VARCHAR, v1, k2::VARCHAR, v2, k3::VARCHAR, v3, k4::VARCHAR, v4, k5::VARCHAR, v5, k6::VARCHAR, v6, k7::VARCHAR, v7, k8::VARCHAR, v8);

-- the session
CREATE MACRO rvbbit_fn.base.type_name(word) AS coalesce(MAP {'VARCHAR': 'text', 'DOUBLE': 'double precision',
    'FLOAT': 'real', 'TINYINT': 'smallint', 'HUGEINT': 'numeric', 'UBIGINT': 'numeric', 'BLOB': 'bytea',
    'TIMESTAMP': 'timestamp without time zone', 'TIME': 'time without time zone', '"NULL"': 'unknown',
    'BIT': 'bit varying'}[word], CASE WHEN starts_with(word, 'DECIMAL') THEN 'numeric' ELSE lower(word) END);
CREATE MACRO rvbbit_fn.main.pg_typeof(x) AS rvbbit_fn.base.type_name(system.main.regexp_replace(typeof(x), '(\[\d*\])+$', ''))
    || CASE WHEN ends_with(typeof(x), ']') THEN '[]' ELSE '' END;
CREATE MACRO rvbbit_fn.main.lastval(name) AS currval(name);
CREATE MACRO rvbbit_fn.main.txid_current() AS system.main.txid_current()::BIGINT;

-- values held to the lengths of their columns; `_once` where computing the value twice might give two values
CREATE MACRO rvbbit_fn.base.varchar_in(x, size) AS CASE WHEN system.main.length(x) <= size THEN x
    WHEN x IS NULL THEN NULL
    WHEN system.main.length(rtrim(x, ' ')) <= size THEN left(x, size)
    ELSE error('value too long for type character varying(' || size || ')') END;
CREATE MACRO rvbbit_fn.base.varchar_in_once(x, size) AS
    list_transform([x], lambda given: rvbbit_fn.base.varchar_in(given, size))[1];
CREATE MACRO rvbbit_fn.base.char_in(x, size) AS CASE WHEN x IS NULL THEN NULL
    WHEN system.main.length(rtrim(x, ' ')) <= size THEN rtrim(x, ' ')
    ELSE error('value too long for type character(' || size || ')') END;
CREATE MACRO rvbbit_fn.base.char_in_once(x, size) AS
    list_transform([x], lambda given: rvbbit_fn.base.char_in(given, size))[1];
CREATE MACRO rvbbit_fn.base.bit_in(x, size) AS CASE WHEN x IS NULL OR system.main.length(x) = size THEN x
    ELSE error('bit string length ' || system.main.length(x) || ' does not match type bit(' || size || ')') END;
CREATE MACRO rvbbit_fn.base.bit_in_once(x, size) AS rvbbit_fn.base.bit_in(x, size);
CREATE MACRO rvbbit_fn.base.varbit_in(x, size) AS CASE WHEN x IS NULL OR system.main.length(x) <= size THEN x
    ELSE error('bit string too long for type bit varying(' || size || ')') END;
CREATE MACRO rvbbit_fn.base.varbit_in_once(x, size) AS rvbbit_fn.base.varbit_in(x, size);
