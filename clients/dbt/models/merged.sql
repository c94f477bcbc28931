{{ config(materialized='incremental', incremental_strategy='merge', unique_key='id', on_schema_change='append_new_columns') }}
SELECT id, title, changed_at {% if var('wider', false) %}, state {% endif %} FROM {{ ref('reports') }}
