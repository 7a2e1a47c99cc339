"""What there is to say of the segments in force: one `Report`, a page and a picture of it.

A package of its own, for the command line alone: it imports scikit-learn, which no worker may pay
for, and knows neither the store nor offline evaluation. `report`, `page` and `picture` may be used
outside.
"""
