"""CLARiTY: a vision transformer with a token for every class, its attention confined to anatomy.

Statheros, Wang, Klein: CLARiTY: A Vision Transformer for Multi-Label Classification and Weakly-Supervised
Localization of Chest X-ray Pathologies. The network and its losses are here; nothing is registered yet.
"""
