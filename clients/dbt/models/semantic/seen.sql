-- a table with an operator in WHERE and one in the SELECT list
SELECT id, state, title, CONDENSE(observed) AS short
FROM {{ ref('reports') }}
WHERE title MEANS 'visual contact'
