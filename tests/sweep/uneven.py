"""A sweep whose epochs take different times, in a file that workers load at once."""

import time


def uneven(config):
    """Takes times that are no part of the configuration."""
    for epoch in range(1, 10):
        time.sleep(0.02 * (time.time_ns() % 3))
        yield (config["x"] - 0.3) ** 2 + config.get("momentum", 0.7) / epoch + 1 / config["width"]


def learning_search():
    """Arguments of `sweeper.run` for a search that learns and stops early."""
    from scipy import stats

    import sweeper

    space = {
        "x": stats.uniform(0, 1),
        "optimizer": ["sgd", "adam"],
        "momentum": sweeper.when("optimizer == 'sgd'", stats.uniform(0.5, 0.49)),
        "width": sweeper.rounded(stats.loguniform(4, 64)),
    }
    searcher = sweeper.BayesianSearch(14, model="gp", lag=4)  # from the eleventh on by the model
    return {"config_space": space, "searcher": searcher, "scheduler": sweeper.ASHA()}
