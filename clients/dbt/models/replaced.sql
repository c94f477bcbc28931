{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key=['id', 'state'], on_schema_change='sync_all_columns') }}
SELECT id, state, title {% if var('wider', false) %}, length(title) AS letters {% endif %} FROM {{ ref('reports') }}
