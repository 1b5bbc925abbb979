"""Apps that have their registry's packages installed, as most apps do: for what a build cache saves."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_DJANGO = {
    "Procfile": "web: gunicorn shop.wsgi\n",
    "requirements.txt": "\n".join(
        [
            "celery==5.5.3",
            "Django==5.2.8",
            "django-filter==25.2",
            "djangorestframework==3.16.1",
            "gunicorn==23.0.0",
            "pillow==12.0.0",
            "psycopg[binary]==3.2.13",
            "redis==6.4.0",
            "requests==2.32.5",
            "sentry-sdk==2.45.0",
            "whitenoise==6.11.0",
            "",
        ]
    ),
    "manage.py": (
        "import os, sys\n"
        "from django.core.management import execute_from_command_line\n"
        "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"
        "execute_from_command_line(sys.argv)\n"
    ),
    "shop/__init__.py": "",
    "shop/settings.py": (
        "import pathlib\n"
        "BASE_DIR = pathlib.Path(__file__).parent.parent\n"
        "SECRET_KEY = 'of a measurement'\n"
        "ALLOWED_HOSTS = ['*']\n"
        "ROOT_URLCONF = 'shop.urls'\n"
        "INSTALLED_APPS = ['django.contrib.contenttypes', 'django.contrib.auth', 'django.contrib.staticfiles',\n"
        "                  'django.contrib.admin', 'django.contrib.messages', 'django.contrib.sessions',\n"
        "                  'rest_framework', 'django_filters']\n"
        "MIDDLEWARE = ['whitenoise.middleware.WhiteNoiseMiddleware']\n"
        "STATIC_URL = '/static/'\n"
        "STATIC_ROOT = BASE_DIR / 'staticfiles'\n"
        "TEMPLATES = [{'BACKEND': 'django.template.backends.django.DjangoTemplates', 'APP_DIRS': True}]\n"
    ),
    "shop/urls.py": (
        "from django.http import HttpResponse\n"
        "from django.urls import path\n"
        "urlpatterns = [path('', lambda request: HttpResponse('Hello from Django'))]\n"
    ),
    "shop/wsgi.py": (
        "import os\n"
        "from django.core.wsgi import get_wsgi_application\n"
        "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"
        "application = get_wsgi_application()\n"
    ),
}

_NODE = {
    "Procfile": "web: node server.js\n",
    ".gitignore": "node_modules\ndist\n",
    "package.json": json.dumps(
        {
            "name": "shop",
            "version": "1.0.0",
            "private": True,
            "type": "module",
            "engines": {"node": ">=20"},
            "scripts": {"start": "node server.js", "build": "vite build"},
            "dependencies": {"express": "4.21.2", "pg": "8.16.3", "react": "19.2.0", "react-dom": "19.2.0"},
            "devDependencies": {
                "@vitejs/plugin-react": "5.1.1",
                "eslint": "9.39.1",
                "typescript": "5.9.3",
                "vite": "7.2.4",
            },
        },
        indent=2,
    ),
    "vite.config.js": "import react from '@vitejs/plugin-react'\nexport default { plugins: [react()] }\n",
    "index.html": '<!doctype html><div id="root"></div><script type="module" src="/main.jsx"></script>\n',
    "main.jsx": (
        "import { createRoot } from 'react-dom/client'\n"
        "createRoot(document.getElementById('root')).render(<p>Hello from React</p>)\n"
    ),
    "server.js": (
        "import express from 'express'\n"
        "const app = express()\n"
        "app.use(express.static('dist'))\n"
        "app.listen(process.env.PORT, () => console.log('listening'))\n"
    ),
}


def apps() -> dict[str, dict[str, str]]:
    """Texts by path, by what the app is. npm writes the lockfile now, as the registry has it."""
    return {"a Django app, 11 requirements": _DJANGO, "a Node.js app, 8 dependencies, built by Vite": _NODE | _locked()}


def _locked() -> dict[str, str]:
    with tempfile.TemporaryDirectory(prefix="hokku-bench-") as folder:
        Path(folder, "package.json").write_text(_NODE["package.json"])
        npm = [str(ROOT / ".venv" / "bin" / "npm"), "install", "--package-lock-only", "--ignore-scripts", "--no-audit"]
        subprocess.run(npm, cwd=folder, check=True, capture_output=True)
        return {"package-lock.json": Path(folder, "package-lock.json").read_text()}
