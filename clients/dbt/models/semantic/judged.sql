{{ config(materialized='incremental', unique_key='id') }}
-- only what is new is judged
SELECT id, title, title MEANS 'howls' AS heard, changed_at
FROM {{ ref('reports') }}
{% if is_incremental() %}
WHERE changed_at > (SELECT max(changed_at) FROM {{ this }})
{% endif %}
