{{ config(materialized='ephemeral') }}
SELECT id, state, changed_at FROM {{ source('raw', 'reports') }}
