# The one image of all roles: docker-compose.yml says what each process does. Not built where this was written.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /cairn
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY .swcrc ./
COPY scripts scripts
COPY apps apps
COPY libs libs
RUN node scripts/build.mjs && npm prune --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production
WORKDIR /cairn
COPY --from=build /cairn/package.json ./
COPY --from=build /cairn/node_modules node_modules
COPY --from=build /cairn/dist dist
USER node
EXPOSE 3000
ENTRYPOINT ["node"]
CMD ["--enable-source-maps", "dist/apps/server/src/main.js"]
