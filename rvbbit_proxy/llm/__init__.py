"""Everything that asks a model, behind one door.

request     what goes through the door and what comes back
door        :class:`ModelDoor`: checks, money, a slot, ``pending`` on the ledger, send, resend, outcome on the ledger
provider    litellm, loaded lazily; its failures sorted into those worth a resend and the others
prepared    litellm's handler, for requests of a kind of which litellm has worked out one
prices      USD per million tokens: the settings' prices, else litellm's table; the exact cost of a usage
cache       answers by key, and joining of identical work in flight
embeddings  sentence vectors from a local model folder, and the LRU of vectors
offline/    what the machine answers by itself when no model is configured: methods by name
"""
