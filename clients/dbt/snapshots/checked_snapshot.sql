{% snapshot checked_snapshot %}
{{ config(target_schema='analytics', unique_key='id', strategy='check', check_cols=['title'], hard_deletes='invalidate') }}
SELECT id, title FROM {{ ref('reports') }}
{% endsnapshot %}
