"""scikit-learn: cross-validation, and a hyperparameter that only one of the kernels has.

Run it as `python examples/scikit_learn.py`; it takes a quarter of a minute on two cores. Folds are
not epochs: each trains anew, and what counts is their mean. So it is returned, nothing is reported.
"""

from scipy import stats
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import sweeper

config_space = {
    "C": stats.loguniform(0.01, 1000),
    "kernel": ["linear", "rbf"],
    "gamma": sweeper.when("kernel == 'rbf'", stats.loguniform(1e-5, 1)),
}


def objective(config, test=False):
    X, X_test, y, y_test = train_test_split(*load_digits(return_X_y=True), random_state=0)
    model = make_pipeline(StandardScaler(), SVC(**config))
    if test:  # once, after the sweep
        return model.fit(X, y).score(X_test, y_test)
    accuracies = cross_val_score(model, X, y, cv=5)
    return {"accuracy": accuracies.mean(), "deviation": accuracies.std(ddof=1)}


if __name__ == "__main__":
    searcher = sweeper.RandomSearch(num_trials=16)
    results = sweeper.run(objective, config_space, searcher, metric="accuracy", mode="max")
    print(results.frame.to_string())
    print("best:", results.best_value, results.best_config)
    print("accuracy on the test set:", sweeper.test(results, objective))
