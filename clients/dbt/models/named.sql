{{ config(materialized='view') }}
SELECT id, upper(state) AS state, title FROM {{ ref('reports') }} WHERE title IS NOT NULL
