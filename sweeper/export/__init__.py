"""A sweep's trials for other programs: tables, TensorBoard, Optuna, MLflow."""
