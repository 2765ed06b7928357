"""crowd-kit's Dawid-Skene on the synthetic labels: prints {cpuSeconds, peakMb, accuracy, version}. Argument: see consensus.ts."""

import json
import resource
import sys
import time
from importlib.metadata import version

import numpy as np
import pandas as pd
from crowdkit.aggregation import DawidSkene

size = json.loads(sys.argv[1])
n = size["tasks"] * size["perTask"]
columns = np.fromfile(size["file"], dtype=np.int32)
labels = pd.DataFrame({"task": columns[:n], "worker": columns[n : 2 * n], "label": columns[2 * n : 3 * n]})
truth = columns[3 * n :]
start = time.process_time()
# A tolerance that no change falls below: exactly as many passes as asked.
result = DawidSkene(n_iter=size["iterations"], tol=-1e18).fit_predict(labels)
seconds = time.process_time() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
accuracy = float((result.sort_index().to_numpy() == truth).mean())
print(json.dumps({"cpuSeconds": round(seconds, 2), "peakMb": round(peak), "accuracy": round(accuracy, 5), "version": version("crowd-kit")}))
