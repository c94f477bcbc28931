{% snapshot reports_snapshot %}
{{ config(target_schema='analytics', unique_key='id', strategy='timestamp', updated_at='changed_at') }}
SELECT * FROM {{ ref('reports') }}
{% endsnapshot %}
