{% macro count_reports() %}
  {% set found = run_query('SELECT count(*) AS n FROM ' ~ ref('reports')) %}
  {% do log('reports: ' ~ found.columns[0].values()[0], info=true) %}
  {% for column in adapter.get_columns_in_relation(ref('reports')) %}{% do log(column.name ~ ' ' ~ column.data_type, info=true) %}{% endfor %}
{% endmacro %}
