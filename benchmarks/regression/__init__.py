"""Is a new measurement worse than an old one, beyond noise?"""
