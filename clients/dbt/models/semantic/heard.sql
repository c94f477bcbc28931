{{ config(materialized='view') }}
SELECT id, title ABOUT 'howls' AS score FROM {{ ref('reports') }}
