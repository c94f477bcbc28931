"""What the machine answers by itself: cost zero, deterministic, approximate, each input judged on its own.

registry    methods by name (``@offline_method``) and :func:`answer_offline`, which the door calls on a thread
words       tokens, stems, stop words, negated words, sentences
thesaurus   words of like meaning, for the few senses where word forms alone would miss most
lexical     hashed character n-grams: vectors without a model
predicates  match, relevance, similarity, classify
sentiment   sentiment
extract     extract
parse       parse: extract and classify, field by field
condense    condense, summarize: sentences taken out, never written
themes      themes, cluster_labels
judging     confidence_heuristic, context_overlap: for meta cascades
"""
