"""Kafka in and out: chunked Faust agents, confirmed sends, topics and dead letters.

From outside import `build_app` and `serve`, `Delivery`, `Patience`, `Publisher`, `Sources`, and the
functions of `admin` and `dead_letters`; everything else is this folder's own business.
"""
