"""A Django application, whose migrations and models ``clients.django_suite`` runs."""
