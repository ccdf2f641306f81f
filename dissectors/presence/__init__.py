"""What presence documents have in common: categories, their contents, and who may see them.

Several media types carry the same pieces (a category in a notification, in a publication, in the
user's own roaming data); body decoders do not know each other, so the pieces stand below them.
"""
