FROM python:3.13-slim AS build
WORKDIR /src
COPY . .
RUN python -m venv /opt/echofs && /opt/echofs/bin/pip install --no-cache-dir -c constraints.txt .

FROM python:3.13-slim
RUN useradd --system --home-dir /var/lib/echofs --create-home echofs
COPY --from=build /opt/echofs /opt/echofs
USER echofs
WORKDIR /var/lib/echofs
VOLUME /var/lib/echofs
ENV PATH=/opt/echofs/bin:$PATH ECHOFS_DATA_DIR=/var/lib/echofs PYTHONUNBUFFERED=1
EXPOSE 8080 8082 8091
ENTRYPOINT ["echofs"]
CMD ["serve"]
