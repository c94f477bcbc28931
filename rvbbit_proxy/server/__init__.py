"""PostgreSQL sockets: the only room that reads and writes them. One thread per connection, blocking.

- ``listener``       ``Server``: accept, limit, shut down
- ``connection``     one connection from startup to its end
- ``client_socket``  bytes gathered on the way out, frames on the way in
- ``auth``, ``tls``  who may connect, and how
- ``cancel``         keys of CancelRequests
"""
