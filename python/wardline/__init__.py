"""A guard that a service carries inside itself.

>>> from wardline import Guard
>>> guard = Guard.parse('''
... version: 1
... state: memory
... services:
...   embeddings: {system: openai}
... rules:
...   - {name: embed, who: ["user:*"], operations: ["inference.*"], effect: allow}
... mask:
...   - {name: pii, entities: {email: redact}}
... ''')
>>> guard.mask("write to ana@example.org")
'write to [EMAIL]'
>>> guard.classify("POST", "/v1/embeddings", body=b'{"input": ["a", "b"]}')["acts"][0]["operation"]
'inference.embed'

``wardline.asgi`` is the door for FastAPI, Starlette and every other ASGI application, ``wardline.wsgi`` the one for Flask, Django and
every other of WSGI; ``wardline.httpx`` and ``wardline.requests`` guard what a service sends.
"""

from ._errors import ExchangeCut, WardlineError
from ._guarded import caller
from ._wardline import Guard, Identity, __version__, detect

__all__ = ["ExchangeCut", "Guard", "Identity", "WardlineError", "__version__", "caller", "detect"]
