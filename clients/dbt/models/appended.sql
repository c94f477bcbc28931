{{ config(materialized='incremental', incremental_strategy='append') }}
SELECT id, changed_at, '{{ invocation_id }}' AS made_by FROM {{ ref('reports') }}
