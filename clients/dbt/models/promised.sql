SELECT id::integer AS id, title::varchar(200) AS title, (id * 1.5)::numeric(8,2) AS score FROM {{ ref('reports') }}
