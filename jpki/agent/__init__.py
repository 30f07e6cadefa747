"""The local signing agent: signs with the card what a web page asks for.

A page of an allowed origin asks over HTTP on this machine's loopback; the person sees
what is signed and for whom, and types the PIN, in a window of the agent that the page
neither sees nor reaches. `app.Agent` is a plain WSGI application; `jpki agent` runs it.
"""
