{{ config(
    indexes=[{'columns': ['id'], 'unique': True}, {'columns': ['state', 'id']}],
    grants={'select': [target.user]},
    pre_hook="SELECT 1",
    post_hook=["INSERT INTO public.dbt_runs SELECT 'hooked ' || count(*), now()::timestamp FROM {{ this }}", "ANALYZE {{ this }}"]
) }}
WITH counted AS (SELECT * FROM {{ ref('thin') }})
SELECT id, state, {{ dbt.dateadd('day', 1, 'changed_at') }} AS next_day, {{ dbt.date_trunc('month', 'changed_at') }} AS month,
       {{ dbt.datediff('changed_at', "timestamp '2026-02-01'", 'day') }} AS days, {{ dbt.hash('state') }} AS hashed,
       {{ dbt.safe_cast('state', api.Column.translate_type('string')) }} AS cast_state, {{ dbt.concat(['state', "'-'", 'state']) }} AS twice,
       {{ dbt.length('state') }} AS letters, {{ dbt.position("'A'", 'state') }} AS place, {{ dbt.split_part('state', "'A'", 1) }} AS part
FROM counted
