"""Small helpers that know nothing of radiographs: progress, devices, hashes, processes, signals."""
